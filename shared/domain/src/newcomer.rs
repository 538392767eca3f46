//! People who get an account without registering: they come from another system with the one that they had
//! there, or are invited.

use crate::{
    Applicant, Attributes, Credential, Event, EventContext, EventKind, Id, PasswordHash, StatedReason,
    Status, Stream, Timestamp, User, UserId,
};

/// Somebody whose address others vouch for: another system, where it was proven, or an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// Who it will be here.
    pub id: UserId,
    /// Address, names and language.
    pub applicant: Applicant,
    /// What the service keeps of the user besides.
    pub attributes: Attributes,
    /// Whether the user may sign in.
    pub status: Status,
    /// Names of the roles that the user has.
    pub roles: Vec<String>,
    /// Since when there is the account.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
}

/// What has proven somebody: the password's hash, and those of the passwords before, the newest first.
#[derive(Clone)]
pub struct Hashes {
    /// The hash of the present password. No password verifies against it unless `has_password` is set.
    pub present: PasswordHash,
    /// Whether there is a present password.
    pub has_password: bool,
    /// Of those before.
    pub previous: Vec<PasswordHash>,
}

impl Newcomer {
    /// Makes the user, with the first event. Returns the user, the credential that claims the address,
    /// and the event, which is that of somebody who has signed up.
    #[must_use]
    pub fn admit(self, hashes: Hashes, context: EventContext) -> (User, Credential, Event) {
        let (user, credential) = self.at_version(1, hashes);
        let kind = EventKind::user_registered(&user, None);
        let event = Event { stream: Stream::User(user.id), sequence: user.version, context, kind };
        (user, credential, event)
    }

    /// Makes the user, who has `no_password` and chooses one by the link of a mail, with the first event. Returns
    /// the user, the credential that claims the address, and the event.
    #[must_use]
    pub fn invite(
        self,
        no_password: PasswordHash,
        stated_reason: StatedReason,
        context: EventContext,
    ) -> (User, Credential, Event) {
        let (user, credential) =
            self.at_version(1, Hashes { present: no_password, has_password: false, previous: Vec::new() });
        let user = User { invited_at: Some(context.occurred_at), ..user };
        let kind = EventKind::user_created(&user, stated_reason);
        let event = Event { stream: Stream::User(user.id), sequence: user.version, context, kind };
        (user, credential, event)
    }

    /// Makes the user without an event: the user's next change is version and event 1.
    #[must_use]
    pub fn admit_silently(self, hashes: Hashes) -> (User, Credential) {
        self.at_version(0, hashes)
    }

    fn at_version(self, version: u64, hashes: Hashes) -> (User, Credential) {
        let Applicant { email, first_name, last_name, locale } = self.applicant;
        let credential = Credential {
            email: email.canonical().clone(),
            user_id: self.id,
            version,
            password_hash: hashes.present,
            previous_hashes: hashes.previous,
        };
        let user = User {
            id: self.id,
            version,
            epoch: 1,
            credential_version: version,
            status: self.status,
            email,
            first_name,
            last_name,
            locale,
            attributes: self.attributes,
            roles: self.roles,
            picture: None,
            invited_at: None,
            has_password: hashes.has_password,
            created_at: self.created_at,
            updated_at: self.updated_at,
        };
        (user, credential)
    }
}

impl UserId {
    /// The id of somebody who had an id of another kind: the same one for the same `origin`, so that who
    /// is taken over twice stays one. Two origins may meet by malice only, and the second is refused then.
    #[must_use]
    pub fn of_origin(created_at: Timestamp, origin: &str) -> Self {
        // FNV-1a: any stable hash serves, and this one needs no library.
        let hash = origin.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
        });
        let mut random = [0; 10];
        random.copy_from_slice(&hash.to_be_bytes()[6..]);
        Id::new(created_at, random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_one_user_and_another_origin_another() {
        let at = Timestamp::from_millis(1_763_694_000_250);
        let id = UserId::of_origin(at, "auth0|1 ada@example.com");

        assert_eq!(id, UserId::of_origin(at, "auth0|1 ada@example.com"));
        assert_eq!(id.uuid().get_version_num(), 7);
        let others: std::collections::HashSet<_> =
            (0..10_000).map(|number| UserId::of_origin(at, &format!("auth0|{number}"))).collect();
        assert_eq!(others.len(), 10_000);
    }
}
