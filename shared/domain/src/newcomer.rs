//! Users who do not register: they are imported from another system, or invited.

use crate::{
    Applicant, Attributes, Credential, Event, EventContext, EventKind, Id, PasswordHash, StatedReason,
    Status, Stream, Timestamp, User, UserId,
};

/// A user whose address is vouched for by another system, where it was proven, or by an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newcomer {
    /// The id of the user.
    pub id: UserId,
    /// The address, names and language.
    pub applicant: Applicant,
    /// The custom attributes.
    pub attributes: Attributes,
    /// The status.
    pub status: Status,
    /// The names of the user's roles.
    pub roles: Vec<String>,
    /// The time at which the account was created.
    pub created_at: Timestamp,
    /// The time of the last change of the profile.
    pub updated_at: Timestamp,
}

/// The hash of the password, and those of previous passwords, newest first.
#[derive(Clone)]
pub struct Hashes {
    /// The hash of the current password. No password matches it unless `has_password` is set.
    pub present: PasswordHash,
    /// Whether there is a current password.
    pub has_password: bool,
    /// The hashes of previous passwords.
    pub previous: Vec<PasswordHash>,
}

impl Newcomer {
    /// Creates the user with an event like that of a registration. Returns the user, the credential that
    /// claims the address, and the event.
    #[must_use]
    pub fn admit(self, hashes: Hashes, context: EventContext) -> (User, Credential, Event) {
        let (user, credential) = self.at_version(1, hashes);
        let kind = EventKind::user_registered(&user, None);
        let event = Event { stream: Stream::User(user.id), sequence: user.version, context, kind };
        (user, credential, event)
    }

    /// Creates the user, who has `no_password` and chooses one with a link in a mail. Returns the user, the
    /// credential that claims the address, and the event.
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

    /// Creates the user without an event. The user's next change has version and event 1.
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
    /// Derives the id of a user who had another kind of id. The same `origin` gives the same id, so repeated
    /// imports match. Two origins can collide only on purpose, and the second is refused then.
    #[must_use]
    pub fn of_origin(created_at: Timestamp, origin: &str) -> Self {
        // FNV-1a: any stable hash is sufficient, and this one needs no library.
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
    fn each_origin_is_a_user_of_its_own() {
        let at = Timestamp::from_millis(1_763_694_000_250);
        let id = UserId::of_origin(at, "auth0|1 ada@example.com");

        assert_eq!(id, UserId::of_origin(at, "auth0|1 ada@example.com"));
        assert_eq!(id.uuid().get_version_num(), 7);
        let others: std::collections::HashSet<_> =
            (0..10_000).map(|number| UserId::of_origin(at, &format!("auth0|{number}"))).collect();
        assert_eq!(others.len(), 10_000);
    }
}
