//! Registrations: people who have not proven their address yet.

use std::time::Duration;

use crate::{
    CanonicalEmail, Cause, Credential, Email, Event, EventKind, LinkHash, Locale, Name, NewPassword,
    PasswordHash, RegistrationId, ResendId, Status, Stream, Timestamp, User,
};

/// Somebody who has asked for an account and has not proven the address yet. It claims nothing:
/// any number of registrations may name the same address, and the first to be verified gets it.
#[derive(Clone)]
pub struct Registration {
    /// Which one it is; the user keeps the UUID.
    pub id: RegistrationId,
    /// Who asked.
    pub applicant: Applicant,
    /// The hash of the chosen password.
    pub password_hash: PasswordHash,
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
    /// The language that the person reads, if given.
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

impl Registration {
    /// Takes a registration, good for `lifetime`. Returns it and its event.
    #[must_use]
    pub fn request(
        id: RegistrationId,
        applicant: Applicant,
        password: NewPassword,
        lifetime: Duration,
        cause: Cause,
    ) -> (Self, Event) {
        let expires_at = cause.occurred_at.plus(lifetime);
        let registration = Self { id, applicant, password_hash: password.hash, link: None, expires_at };
        let breach_check = password.breach_check;
        let kind = EventKind::RegistrationRequested { registration_id: id, breach_check };
        let event = Event { stream: Stream::Registration(id), sequence: 1, cause, kind };
        (registration, event)
    }

    /// Whether `presented` is this registration's newest link and still good at `now`.
    #[must_use]
    pub fn is_proven_by(&self, presented: &LinkHash, now: Timestamp) -> bool {
        self.link.as_ref() == Some(presented) && now < self.expires_at
    }

    /// Makes the user whose address is now proven. Returns the user, the credential that claims
    /// the address, and the user's first event.
    #[must_use]
    pub fn verify(self, cause: Cause) -> (User, Credential, Event) {
        let now = cause.occurred_at;
        let Applicant { email, first_name, last_name, locale } = self.applicant;
        let credential = Credential {
            email: email.canonical().clone(),
            user_id: self.id.user(),
            version: 1,
            password_hash: self.password_hash,
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
        let kind = EventKind::user_registered(&user);
        let event = Event { stream: Stream::User(user.id), sequence: user.version, cause, kind };
        (user, credential, event)
    }
}

impl ResendRequest {
    /// Takes a request for another verification mail, good for `lifetime`. Returns it and its event.
    #[must_use]
    pub fn new(id: ResendId, email: &Email, lifetime: Duration, cause: Cause) -> (Self, Event) {
        let expires_at = cause.occurred_at.plus(lifetime);
        let request = Self { id, email: email.canonical().clone(), expires_at };
        let event =
            Event { stream: Stream::Resend(id), sequence: 1, cause, kind: EventKind::ResendRequested {} };
        (request, event)
    }
}
