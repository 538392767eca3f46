//! What proves a user, and what becomes of it: another password, another address.

use std::time::Duration;

use crate::{
    CanonicalEmail, Cause, Email, Event, EventKind, Link, NewPassword, PasswordHash, SessionId, User, UserId,
};

/// What proves a user: the claim on an address, and the hash of the password.
#[derive(Clone)]
pub struct Credential {
    /// The address that this credential claims.
    pub email: CanonicalEmail,
    /// Whose it is.
    pub user_id: UserId,
    /// The user's version that gave it this password or address; a better hash of the same password
    /// does not count.
    pub version: u64,
    /// The hash that the password is compared with.
    pub password_hash: PasswordHash,
    /// The hashes of the passwords before, the newest first: as many as were to be remembered.
    pub previous_hashes: Vec<PasswordHash>,
}

impl Credential {
    /// Whether this is what proves `user` now. The two are read one after the other, and password or
    /// address may have been changed in between.
    #[must_use]
    pub fn proves(&self, user: &User) -> bool {
        self.user_id == user.id
            && self.version == user.credential_version
            && self.email == *user.email.canonical()
    }

    /// The last `count` passwords, the present one first: none of them is to come back.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &PasswordHash> {
        std::iter::once(&self.password_hash).chain(&self.previous_hashes).take(count)
    }

    fn with(&self, new: NewPassword, version: u64) -> Self {
        // With the new one as many as were asked for.
        let previous_hashes = self.last(new.remembered.saturating_sub(1)).cloned().collect();
        Self { version, password_hash: new.hash, previous_hashes, ..self.clone() }
    }
}

impl User {
    /// Puts a new password in the place of a forgotten one, which ends every session; for somebody who was
    /// invited it is the first one. Returns the user one version on, the credential, and the event.
    #[must_use]
    pub fn reset_password(
        &self,
        credential: &Credential,
        new: NewPassword,
        cause: Cause,
    ) -> (Self, Credential, Event) {
        let breach_check = new.breach_check;
        let kind = match self.invited_at {
            Some(_) => EventKind::InvitationAccepted { breach_check },
            None => EventKind::PasswordReset { breach_check },
        };
        let (user, event) = self.renew(cause, kind);
        let credential = credential.with(new, user.credential_version);
        (user, credential, event)
    }

    /// Puts a new password in the place of the old one, which ends every session but `kept`. Returns
    /// the user one version on, the credential, and the event.
    #[must_use]
    pub fn change_password(
        &self,
        credential: &Credential,
        new: NewPassword,
        kept: SessionId,
        cause: Cause,
    ) -> (Self, Credential, Event) {
        let kind = EventKind::PasswordChanged { kept_session_id: kept, breach_check: new.breach_check };
        let (user, event) = self.renew(cause, kind);
        let credential = credential.with(new, user.credential_version);
        (user, credential, event)
    }

    /// Asks for the proof of the address `to`, which takes the place of the present one then and not
    /// before. Returns the user one version on, the link that waits for its mail, and the event.
    #[must_use]
    pub fn request_email_change(&self, to: Email, lifetime: Duration, cause: Cause) -> (Self, Link, Event) {
        let expires_at = cause.occurred_at.plus(lifetime);
        let link = Link { hash: None, bound_to: to, epoch: None, expires_at };
        let (user, event) = self.change(cause, EventKind::EmailChangeRequested {});
        (user, link, event)
    }

    /// Puts the proven address `to` in the place of the one before, which ends every session. Returns
    /// the user one version on, the credential that claims the address, and the event.
    #[must_use]
    pub fn change_email(
        &self,
        credential: &Credential,
        to: Email,
        cause: Cause,
    ) -> (Self, Credential, Event) {
        let changed = Self { email: to, updated_at: cause.occurred_at, ..self.clone() };
        let kind = EventKind::email_changed(&changed);
        let (user, event) = changed.renew(cause, kind);
        let email = user.email.canonical().clone();
        let credential = Credential { email, version: user.credential_version, ..credential.clone() };
        (user, credential, event)
    }

    /// What was proven before proves nothing any more: the sessions of the epoch end, and so does
    /// whatever is being decided on the credential. An invitation has come to its end.
    fn renew(&self, cause: Cause, kind: EventKind) -> (Self, Event) {
        let (epoch, credential_version) = (self.epoch + 1, self.version + 1);
        let renewed =
            Self { epoch, credential_version, invited_at: None, has_password: true, ..self.clone() };
        renewed.change(cause, kind)
    }
}
