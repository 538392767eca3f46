//! One-time links: what is stored of them.

use crate::{Email, Timestamp, User};

/// What a link proves or permits; part of its token, so that one never serves for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proves the address of a registration.
    VerifyRegistration,
    /// Permits to choose a new password without the old one.
    ResetPassword,
    /// Proves the address that a user wants to change to.
    VerifyEmailChange,
    /// Permits somebody who was invited to choose the first password, once and no other.
    AcceptInvitation,
}

/// A one-time link of a user; the newest for a purpose replaces the one before.
#[derive(Clone, Debug)]
pub struct Link {
    /// What is stored of its token; `None` until the mail is made.
    pub hash: Option<LinkHash>,
    /// The address that it speaks for: good only as long as that is what it was.
    pub bound_to: Email,
    /// The user's session epoch, if it is good no longer than that.
    pub epoch: Option<u64>,
    /// When it stops being good.
    pub expires_at: Timestamp,
}

impl Purpose {
    /// Its name, as in keys and mails.
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
    /// Whether `presented` is this link and still good at `now`.
    #[must_use]
    pub fn is(&self, presented: &LinkHash, now: Timestamp) -> bool {
        self.hash.as_ref() == Some(presented) && now < self.expires_at
    }

    /// Whether it speaks for `user`: the address is still theirs, and nothing has ended what it ends with.
    #[must_use]
    pub fn is_bound_to(&self, user: &User) -> bool {
        self.bound_to.canonical() == user.email.canonical()
            && self.epoch.is_none_or(|epoch| epoch == user.epoch)
    }
}

/// SHA-256 of a link token. The token itself is only ever in the mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkHash([u8; 32]);

impl LinkHash {
    /// The hash with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes. Comparing them in variable time tells an attacker nothing: they are a hash of
    /// 256 random bits.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}
