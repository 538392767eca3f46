//! The letters there are, and what each has to say.

use std::time::Duration;

use domain::{Name, Timestamp};

use crate::digest::Figures;

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letter {
    /// Prove the address of a registration.
    VerifyRegistration,
    /// Choose a new password.
    ResetPassword,
    /// Prove a new address.
    VerifyEmailChange,
    /// Choose the first password of an account that an administrator has made.
    Invitation,
    /// Another address was asked for.
    EmailChangeRequested,
    /// The address was changed.
    EmailChanged,
    /// The password was changed by somebody who knew it.
    PasswordChanged,
    /// A new password was chosen by a mailed link.
    PasswordReset,
    /// The account will be erased.
    DeletionRequested,
    /// An administrator keeps the user from signing in.
    AccountSuspended,
    /// An administrator lets the user sign in again.
    AccountReactivated,
    /// The account will be erased: an administrator wants it.
    AccountDeleted,
    /// The address of a registration has an account.
    AccountExists,
    /// The address of a registration has an account that will be erased.
    AccountClosing,
    /// A session ended because an old refresh token was used again.
    TokenReused,
    /// How the system stands.
    Digest,
}

/// What a letter says besides its own words.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    /// Whom it greets.
    pub(crate) name: Option<&'a Name>,
    pub(crate) matter: Matter<'a>,
}

/// A link and how long it is good, when something happened or will, on which device a token was reused, or how the
/// system stands.
#[derive(Clone, Copy)]
pub(crate) enum Matter<'a> {
    Link { url: &'a str, lifetime: Duration },
    Moment(Timestamp),
    Reuse { at: Timestamp, device: Option<&'a str> },
    Figures(&'a Figures),
}

impl Letter {
    /// All of them.
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

    /// Its name, as its files have it.
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

    /// Whether somebody has to follow a link in it.
    pub(crate) const fn has_link(self) -> bool {
        matches!(
            self,
            Self::VerifyRegistration | Self::ResetPassword | Self::VerifyEmailChange | Self::Invitation
        )
    }

    /// What may be filled into its texts.
    pub(crate) const fn places(self) -> &'static [&'static str] {
        match self {
            Self::Digest => &Figures::PLACES,
            Self::TokenReused => &["greeting", "service", "when", "device"],
            _ if self.has_link() => &["greeting", "service", "link", "lifetime"],
            _ => &["greeting", "service", "when"],
        }
    }

    /// Without these it would be no use.
    pub(crate) const fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Digest => &Figures::NEEDED,
            Self::TokenReused => &["when", "device"],
            _ if self.has_link() => &["link"],
            _ => &["when"],
        }
    }
}
