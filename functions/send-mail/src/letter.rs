//! The letters there are, and what each has to say.

use std::time::Duration;

use domain::{Name, Timestamp};

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
}

/// What a letter says besides its own words.
#[derive(Clone, Copy)]
pub(crate) struct Content<'a> {
    /// Whom it greets.
    pub(crate) name: Option<&'a Name>,
    pub(crate) matter: Matter<'a>,
}

/// A link and how long it is good, or when something happened or will.
#[derive(Clone, Copy)]
pub(crate) enum Matter<'a> {
    Link { url: &'a str, lifetime: Duration },
    Moment(Timestamp),
}

impl Letter {
    /// All of them.
    pub const ALL: [Self; 12] = [
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
        if self.has_link() {
            &["greeting", "service", "link", "lifetime"]
        } else {
            &["greeting", "service", "when"]
        }
    }

    /// Without these it would be no use.
    pub(crate) const fn needed(self) -> &'static [&'static str] {
        if self.has_link() { &["link"] } else { &["when"] }
    }
}
