//! Registrations: people who have not proven their address yet.

use std::time::Duration;

use thiserror::Error;

use crate::{
    CanonicalEmail, Credential, Email, Event, EventContext, EventKind, LinkHash, Locale, Name, NewPassword,
    PasswordHash, RegistrationId, ResendId, Status, Stream, Timestamp, User,
};

/// A request for an account whose address is not proven yet. It claims nothing: any number of registrations may
/// name the same address, and the first to be verified gets it.
#[derive(Clone)]
pub struct Registration {
    /// Which one it is; the user keeps the UUID.
    pub id: RegistrationId,
    /// Who asked.
    pub applicant: Applicant,
    /// The hash of the password that was chosen with the registration, if one was.
    pub password_hash: Option<PasswordHash>,
    /// The hash of the token that the registering client holds; missing in registrations of earlier releases.
    pub token_hash: Option<RegistrationTokenHash>,
    /// The newest link that proves the address; `None` until the mail is made.
    pub link: Option<LinkHash>,
    /// When both the registration and its link stop being good.
    pub expires_at: Timestamp,
}

/// Who wants an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applicant {
    /// The address to prove.
    pub email: Email,
    /// First name, if given.
    pub first_name: Option<Name>,
    /// Last name, if given.
    pub last_name: Option<Name>,
    /// The preferred language, if given.
    pub locale: Option<Locale>,
}

/// Somebody asks for the verification mail again. Whether there is anything to verify is found
/// out behind the bus, so that the answer and its time cannot tell.
#[derive(Clone, Debug)]
pub struct ResendRequest {
    /// Which request it is.
    pub id: ResendId,
    /// The address that it names.
    pub email: CanonicalEmail,
    /// When it stops mattering.
    pub expires_at: Timestamp,
}

/// SHA-256 of a registration token. Only the client that registered has the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationTokenHash([u8; 32]);

/// The reader of the link has neither chosen a password nor proven to be the client that chose one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be chosen now: no password was chosen with this registration by the client that sends this")]
pub struct PasswordRequired;

impl RegistrationTokenHash {
    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes. Comparing them in variable time tells an attacker nothing: they are a hash of 256 random bits.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Registration {
    /// Takes a registration, good for `lifetime`, of the client that holds the token. Returns it and its event.
    #[must_use]
    pub fn request(
        id: RegistrationId,
        applicant: Applicant,
        password: Option<NewPassword>,
        token_hash: RegistrationTokenHash,
        lifetime: Duration,
        context: EventContext,
    ) -> (Self, Event) {
        let expires_at = context.occurred_at.plus(lifetime);
        let (password_hash, breach_check) = match password {
            Some(password) => (Some(password.hash), password.breach_check),
            None => (None, None),
        };
        let token_hash = Some(token_hash);
        let registration = Self { id, applicant, password_hash, token_hash, link: None, expires_at };
        let kind = EventKind::RegistrationRequested { registration_id: id, breach_check };
        let event = Event { stream: Stream::Registration(id), sequence: 1, context, kind };
        (registration, event)
    }

    /// Whether `presented` is this registration's newest link and still good at `now`.
    #[must_use]
    pub fn is_proven_by(&self, presented: &LinkHash, now: Timestamp) -> bool {
        self.link.as_ref() == Some(presented) && now < self.expires_at
    }

    /// Returns the registration as the reader of its link may adopt it: whole with the token of the client that
    /// registered. For every other reader only the address is kept, because the rest is a stranger's.
    #[must_use]
    pub fn adopted_with(self, presented: Option<&RegistrationTokenHash>) -> Self {
        if presented.is_some() && presented == self.token_hash.as_ref() {
            return self;
        }
        let applicant = Applicant { first_name: None, last_name: None, locale: None, ..self.applicant };
        Self { applicant, password_hash: None, ..self }
    }

    /// Makes the user whose address is now proven, with the password that is `chosen` now, else with the one of the
    /// registration. Returns the user, the credential that claims the address, and the user's first event.
    ///
    /// # Errors
    /// [`PasswordRequired`] if there is neither.
    pub fn verify(
        self,
        chosen: Option<NewPassword>,
        context: EventContext,
    ) -> Result<(User, Credential, Event), PasswordRequired> {
        let now = context.occurred_at;
        let (password_hash, breach_check) = match chosen {
            Some(password) => (password.hash, password.breach_check),
            None => (self.password_hash.ok_or(PasswordRequired)?, None),
        };
        let Applicant { email, first_name, last_name, locale } = self.applicant;
        let credential = Credential {
            email: email.canonical().clone(),
            user_id: self.id.user(),
            version: 1,
            password_hash,
            previous_hashes: Vec::new(),
        };
        let user = User {
            id: self.id.user(),
            version: 1,
            epoch: 1,
            credential_version: 1,
            status: Status::Active,
            email,
            first_name,
            last_name,
            locale,
            attributes: crate::Attributes::default(),
            roles: Vec::new(),
            picture: None,
            invited_at: None,
            has_password: true,
            created_at: now,
            updated_at: now,
        };
        let kind = EventKind::user_registered(&user, breach_check);
        let event = Event { stream: Stream::User(user.id), sequence: user.version, context, kind };
        Ok((user, credential, event))
    }
}

impl ResendRequest {
    /// Takes a request for another verification mail, good for `lifetime`. Returns it and its event.
    #[must_use]
    pub fn new(id: ResendId, email: &Email, lifetime: Duration, context: EventContext) -> (Self, Event) {
        let expires_at = context.occurred_at.plus(lifetime);
        let request = Self { id, email: email.canonical().clone(), expires_at };
        let event =
            Event { stream: Stream::Resend(id), sequence: 1, context, kind: EventKind::ResendRequested {} };
        (request, event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Actor, Id};

    const OWN: RegistrationTokenHash = RegistrationTokenHash::from_bytes([1; 32]);
    const FOREIGN: RegistrationTokenHash = RegistrationTokenHash::from_bytes([2; 32]);

    fn context() -> EventContext {
        let occurred_at = Timestamp::from_millis(1_795_230_000_000);
        EventContext {
            event_id: Id::new(occurred_at, [1; 10]),
            occurred_at,
            actor: Actor::Anonymous,
            correlation_id: "test".to_owned(),
            traceparent: None,
        }
    }

    fn password(text: &str) -> NewPassword {
        let hash = PasswordHash { phc: text.to_owned(), pepper_id: String::new() };
        NewPassword { hash, breach_check: None, remembered: 0 }
    }

    fn registration(chosen: Option<&str>) -> Registration {
        let applicant = Applicant {
            email: Email::parse("Ada@example.com").expect("an address"),
            first_name: Name::parse("Ada").ok(),
            last_name: Name::parse("Lovelace").ok(),
            locale: Locale::parse("en").ok(),
        };
        let (id, lifetime) = (Id::new(context().occurred_at, [7; 10]), Duration::from_hours(1));
        Registration::request(id, applicant, chosen.map(password), OWN, lifetime, context()).0
    }

    fn verified(
        chosen: Option<&str>,
        token: Option<&RegistrationTokenHash>,
        now: Option<&str>,
    ) -> Result<(Option<String>, String), PasswordRequired> {
        let adopted = registration(chosen).adopted_with(token);
        let (user, credential, _) = adopted.verify(now.map(password), context())?;
        Ok((user.first_name.map(|name| name.as_str().to_owned()), credential.password_hash.phc))
    }

    #[test]
    fn only_the_token_adopts_names_and_password() {
        let ada = || Some("Ada".to_owned());
        assert_eq!(verified(Some("then"), Some(&OWN), None), Ok((ada(), "then".to_owned())));
        assert_eq!(verified(Some("then"), Some(&OWN), Some("now")), Ok((ada(), "now".to_owned())));
        assert_eq!(verified(None, Some(&OWN), Some("now")), Ok((ada(), "now".to_owned())));
        assert_eq!(verified(None, Some(&OWN), None), Err(PasswordRequired));
        for stranger in [None, Some(&FOREIGN)] {
            assert_eq!(verified(Some("then"), stranger, None), Err(PasswordRequired));
            assert_eq!(verified(Some("then"), stranger, Some("now")), Ok((None, "now".to_owned())));
        }
    }

    #[test]
    fn a_registration_of_an_earlier_release_is_adopted_by_its_address_only() {
        let earlier = Registration { token_hash: None, ..registration(Some("then")) };

        for presented in [None, Some(&OWN)] {
            let adopted = earlier.clone().adopted_with(presented);
            assert_eq!((adopted.applicant.first_name, adopted.password_hash.is_none()), (None, true));
        }
    }
}
