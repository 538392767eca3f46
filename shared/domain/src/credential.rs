//! Credentials, and how they change: a new password, a new address.

use std::time::Duration;

use crate::{
    CanonicalEmail, CredentialTransition, Email, EventContext, EventKind, Link, NewPassword, PasswordHash,
    SessionId, Transition, User, UserId,
};

/// The proof of a user: the claim on an address, and the hash of the password.
#[derive(Clone)]
pub struct Credential {
    /// The address that this credential claims.
    pub email: CanonicalEmail,
    /// The user of the credential.
    pub user_id: UserId,
    /// The user's version that set the password or address. A rehash of the same password does not count.
    pub version: u64,
    /// The hash of the current password.
    pub password_hash: PasswordHash,
    /// The hashes of previous passwords, newest first, as many as the policy remembers.
    pub previous_hashes: Vec<PasswordHash>,
}

impl Credential {
    /// Returns whether the credential still proves `user`. The two are read one after the other, and password
    /// or address may have changed in between.
    #[must_use]
    pub fn proves(&self, user: &User) -> bool {
        self.user_id == user.id
            && self.version == user.credential_version
            && self.email == *user.email.canonical()
    }

    /// Returns the last `count` passwords, the current one first. None of them can be chosen again.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &PasswordHash> {
        std::iter::once(&self.password_hash).chain(&self.previous_hashes).take(count)
    }

    fn with(&self, new: NewPassword, version: u64) -> Self {
        // The new password counts as one of the remembered ones.
        let previous_hashes = self.last(new.remembered.saturating_sub(1)).cloned().collect();
        Self { version, password_hash: new.hash, previous_hashes, ..self.clone() }
    }
}

impl User {
    /// Replaces a forgotten password and ends every session. For an invited user it is the first password.
    #[must_use]
    pub fn reset_password(
        &self,
        credential: &Credential,
        new: NewPassword,
        context: EventContext,
    ) -> CredentialTransition {
        let breach_check = new.breach_check;
        let kind = match self.invited_at {
            Some(_) => EventKind::InvitationAccepted { breach_check },
            None => EventKind::PasswordReset { breach_check },
        };
        let user = self.renew(self.clone(), context, kind);
        let after = credential.with(new, user.after.credential_version);
        CredentialTransition { user, before: credential.clone(), after }
    }

    /// Replaces the password and ends every session but `kept`.
    #[must_use]
    pub fn change_password(
        &self,
        credential: &Credential,
        new: NewPassword,
        kept: SessionId,
        context: EventContext,
    ) -> CredentialTransition {
        let kind = EventKind::PasswordChanged { kept_session_id: kept, breach_check: new.breach_check };
        let user = self.renew(self.clone(), context, kind);
        let after = credential.with(new, user.after.credential_version);
        CredentialTransition { user, before: credential.clone(), after }
    }

    /// Requests the proof of the address `to`, which replaces the current one once it is proven. Returns the
    /// change, and the link, whose mail is not sent yet.
    #[must_use]
    pub fn request_email_change(
        &self,
        to: Email,
        lifetime: Duration,
        context: EventContext,
    ) -> (Transition, Link) {
        let expires_at = context.occurred_at.plus(lifetime);
        let link = Link { hash: None, bound_to: to, epoch: None, expires_at };
        (self.change_own(self.clone(), context, EventKind::EmailChangeRequested {}), link)
    }

    /// Replaces the address by the proven address `to`, and ends every session.
    #[must_use]
    pub fn change_email(
        &self,
        credential: &Credential,
        to: Email,
        context: EventContext,
    ) -> CredentialTransition {
        let changed = Self { email: to, updated_at: context.occurred_at, ..self.clone() };
        let kind = EventKind::email_changed(&changed);
        let user = self.renew(changed, context, kind);
        let email = user.after.email.canonical().clone();
        let after = Credential { email, version: user.after.credential_version, ..credential.clone() };
        CredentialTransition { user, before: credential.clone(), after }
    }

    /// Returns the change to `after` with a new epoch and credential version: sessions end, and concurrent commands on
    /// the credential conflict. A pending invitation ends.
    fn renew(&self, after: Self, context: EventContext, kind: EventKind) -> Transition {
        let (epoch, credential_version) = (self.epoch + 1, self.version + 1);
        let renewed = Self { epoch, credential_version, invited_at: None, has_password: true, ..after };
        self.change_own(renewed, context, kind)
    }
}
