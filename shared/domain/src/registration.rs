//! Registrations, whose addresses are not proven yet.

use std::time::Duration;

use thiserror::Error;

use crate::{
    CanonicalEmail, Credential, Email, Event, EventContext, EventKind, LinkHash, Locale, Name, NewPassword,
    PasswordHash, RegistrationId, ResendId, Status, Stream, Timestamp, User,
};

/// A request for an account with an unproven address. It claims nothing: several registrations may have the
/// same address, and the first to be verified gets it.
#[derive(Clone)]
pub struct Registration {
    /// The id. The user keeps its UUID.
    pub id: RegistrationId,
    /// The applicant.
    pub applicant: Applicant,
    /// The hash of the password, if the registration has one.
    pub password_hash: Option<PasswordHash>,
    /// The hash of the token of the registering client; missing in registrations of earlier releases.
    pub token_hash: Option<RegistrationTokenHash>,
    /// The newest link; `None` until the mail is written.
    pub link: Option<LinkHash>,
    /// The time at which registration and link expire.
    pub expires_at: Timestamp,
}

/// The data of an applicant.
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

/// A request for another verification mail. A consumer of the event looks up the registration, so that
/// neither the response nor its timing reveals whether there is one.
#[derive(Clone, Debug)]
pub struct ResendRequest {
    /// The id of the request.
    pub id: ResendId,
    /// The address in the request.
    pub email: CanonicalEmail,
    /// The time at which the request expires.
    pub expires_at: Timestamp,
}

/// The SHA-256 hash of a registration token. Only the client that registered has the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationTokenHash([u8; 32]);

/// The reader of the link has neither entered a password nor adopted one with the registration token.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is required: this client did not choose a password when it registered")]
pub struct PasswordRequired;

impl RegistrationTokenHash {
    /// Creates the hash from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes. They can be compared in variable time: a hash of 256 random bits reveals nothing
    /// useful.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Registration {
    /// Creates a registration that expires after `lifetime`, for the client with the token. Returns the
    /// registration and its event.
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

    /// Returns whether `presented` is this registration's newest link, and has not expired at `now`.
    #[must_use]
    pub fn is_proven_by(&self, presented: &LinkHash, now: Timestamp) -> bool {
        self.link.as_ref() == Some(presented) && now < self.expires_at
    }

    /// Returns the registration as the reader of its link may adopt it. With the registration token all data
    /// is kept, without it only the address, because the rest may be an attacker's.
    #[must_use]
    pub fn adopted_with(self, presented: Option<&RegistrationTokenHash>) -> Self {
        if presented.is_some() && presented == self.token_hash.as_ref() {
            return self;
        }
        let applicant = Applicant { first_name: None, last_name: None, locale: None, ..self.applicant };
        Self { applicant, password_hash: None, ..self }
    }

    /// Creates the user with the proven address. The password is `chosen`, or that of the registration.
    /// Returns the user, the credential that claims the address, and the user's first event.
    ///
    /// # Errors
    /// [`PasswordRequired`] if neither exists.
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
    /// Creates a request for another verification mail that expires after `lifetime`. Returns the request and
    /// its event.
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
