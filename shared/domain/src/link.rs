//! One-time links, as they are stored.

use crate::{Email, Timestamp, User};

/// The purpose of a link. It is part of the token, so a link cannot serve another purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proves the address of a registration.
    VerifyRegistration,
    /// Permits a new password without the current one.
    ResetPassword,
    /// Proves the address that a user wants to change to.
    VerifyEmailChange,
    /// Permits an invited user to choose the first password.
    AcceptInvitation,
}

/// A one-time link of a user. A new link replaces the previous one for its purpose.
#[derive(Clone, Debug)]
pub struct Link {
    /// The hash of the token; `None` until the mail is written.
    pub hash: Option<LinkHash>,
    /// The address that the link proves. The link is valid only while the user has it.
    pub bound_to: Email,
    /// The user's session epoch, if the link ends with it.
    pub epoch: Option<u64>,
    /// The time at which the link expires.
    pub expires_at: Timestamp,
}

impl Purpose {
    /// Returns the name, as in keys and mails.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyRegistration => "verify-registration",
            Self::ResetPassword => "reset-password",
            Self::VerifyEmailChange => "verify-email-change",
            Self::AcceptInvitation => "accept-invitation",
        }
    }
}

impl Link {
    /// Returns whether `presented` is this link, and has not expired at `now`.
    #[must_use]
    pub fn is(&self, presented: &LinkHash, now: Timestamp) -> bool {
        self.hash.as_ref() == Some(presented) && now < self.expires_at
    }

    /// Returns whether the link belongs to `user`: the address and, if bound to it, the epoch are unchanged.
    #[must_use]
    pub fn is_bound_to(&self, user: &User) -> bool {
        self.bound_to.canonical() == user.email.canonical()
            && self.epoch.is_none_or(|epoch| epoch == user.epoch)
    }
}

/// The SHA-256 hash of a link token. Only the mail has the token itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHash([u8; 32]);

impl LinkHash {
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
