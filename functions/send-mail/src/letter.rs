//! The kinds of letters and their contents.

use std::time::Duration;

use domain::{Name, Timestamp};

use crate::digest::Figures;

/// A kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letter {
    /// Asks to prove the address of a registration.
    VerifyRegistration,
    /// Asks to choose a new password.
    ResetPassword,
    /// Asks to prove a new address.
    VerifyEmailChange,
    /// Asks to choose the first password of an account that an administrator has created.
    Invitation,
    /// A change of address was requested.
    EmailChangeRequested,
    /// The address was changed.
    EmailChanged,
    /// The password was changed with the current one.
    PasswordChanged,
    /// A new password was chosen with a link.
    PasswordReset,
    /// The user requested the erasure of the account.
    DeletionRequested,
    /// An administrator suspended the user.
    AccountSuspended,
    /// An administrator lifted the suspension.
    AccountReactivated,
    /// An administrator deleted the account.
    AccountDeleted,
    /// The address of a registration has an account.
    AccountExists,
    /// The address of a registration has an account that will be erased.
    AccountClosing,
    /// A session ended because an old refresh token was used again.
    TokenReused,
    /// The weekly status report.
    Digest,
}

/// The values of a letter.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    /// The name for the greeting.
    pub(crate) name: Option<&'a Name>,
    pub(crate) matter: Matter<'a>,
}

/// The values of a kind of letter: a link and its lifetime, a time, the device of a reused token, or the
/// figures of the status report.
#[derive(Clone, Copy)]
pub(crate) enum Matter<'a> {
    Link { url: &'a str, lifetime: Duration },
    Moment(Timestamp),
    Reuse { at: Timestamp, device: Option<&'a str> },
    Figures(&'a Figures),
}

impl Letter {
    /// All letters.
    pub const ALL: [Self; 16] = [
        Self::VerifyRegistration,
        Self::ResetPassword,
        Self::VerifyEmailChange,
        Self::Invitation,
        Self::EmailChangeRequested,
        Self::EmailChanged,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::DeletionRequested,
        Self::AccountSuspended,
        Self::AccountReactivated,
        Self::AccountDeleted,
        Self::AccountExists,
        Self::AccountClosing,
        Self::TokenReused,
        Self::Digest,
    ];

    /// Returns the name, which is also that of its files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyRegistration => "verify-registration",
            Self::ResetPassword => "reset-password",
            Self::VerifyEmailChange => "verify-email-change",
            Self::Invitation => "invitation",
            Self::EmailChangeRequested => "email-change-requested",
            Self::EmailChanged => "email-changed",
            Self::PasswordChanged => "password-changed",
            Self::PasswordReset => "password-reset",
            Self::DeletionRequested => "deletion-requested",
            Self::AccountSuspended => "account-suspended",
            Self::AccountReactivated => "account-reactivated",
            Self::AccountDeleted => "account-deleted",
            Self::AccountExists => "account-exists",
            Self::AccountClosing => "account-closing",
            Self::TokenReused => "token-reused",
            Self::Digest => "digest",
        }
    }

    /// Returns whether the letter has a link.
    pub(crate) const fn has_link(self) -> bool {
        matches!(
            self,
            Self::VerifyRegistration | Self::ResetPassword | Self::VerifyEmailChange | Self::Invitation
        )
    }

    /// Returns the placeholders that the texts may have.
    pub(crate) const fn places(self) -> &'static [&'static str] {
        match self {
            Self::Digest => &Figures::PLACES,
            Self::TokenReused => &["greeting", "service", "when", "device"],
            _ if self.has_link() => &["greeting", "service", "link", "lifetime"],
            _ => &["greeting", "service", "when"],
        }
    }

    /// Returns the placeholders that the texts must have.
    pub(crate) const fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Digest => &Figures::NEEDED,
            Self::TokenReused => &["when", "device"],
            _ if self.has_link() => &["link"],
            _ => &["when"],
        }
    }
}
