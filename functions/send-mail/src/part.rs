//! The mails that each event asks for.

use crate::letter::Letter;

/// One mail that an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    VerifyRegistration,
    VerifyRegistrationAgain,
    ResetPassword,
    VerifyEmailChange,
    Invitation,
    /// A reset link, requested by an administrator.
    ResetPasswordOfUser,
    /// A notice about a change of the account, to the address that it had at the time.
    Notice(Letter),
    /// A notice about a change of address, to the former address.
    NoticeToFormerAddress,
    /// A notice that a refresh token was reused.
    TokenReused,
    /// The weekly status report.
    Digest,
}

impl Part {
    /// Returns the mails that an event asks for, the urgent ones first; `None` if the event is unknown.
    pub(crate) fn of_event(kind: &str) -> Option<&'static [Self]> {
        Some(match kind {
            "registration.requested" => &[Self::VerifyRegistration],
            "registration.resend-requested" => &[Self::VerifyRegistrationAgain],
            "password-reset.requested" => &[Self::ResetPassword],
            "user.created" => &[Self::Invitation],
            "user.password-reset-requested" => &[Self::ResetPasswordOfUser],
            "user.email-change-requested" => {
                &[Self::Notice(Letter::EmailChangeRequested), Self::VerifyEmailChange]
            }
            "user.email-changed" => &[Self::NoticeToFormerAddress, Self::Notice(Letter::EmailChanged)],
            "user.password-changed" => &[Self::Notice(Letter::PasswordChanged)],
            "user.password-reset" => &[Self::Notice(Letter::PasswordReset)],
            "user.deletion-requested" => &[Self::Notice(Letter::DeletionRequested)],
            "user.suspended" => &[Self::Notice(Letter::AccountSuspended)],
            "user.reactivated" => &[Self::Notice(Letter::AccountReactivated)],
            "session.ended" => &[Self::TokenReused],
            "digest.written" => &[Self::Digest],
            _ => return None,
        })
    }

    /// Returns the name that distinguishes the mails of one event.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::VerifyRegistration | Self::VerifyRegistrationAgain => Letter::VerifyRegistration.name(),
            Self::ResetPassword | Self::ResetPasswordOfUser => Letter::ResetPassword.name(),
            Self::VerifyEmailChange => Letter::VerifyEmailChange.name(),
            Self::Invitation => Letter::Invitation.name(),
            Self::Notice(letter) => letter.name(),
            Self::NoticeToFormerAddress => "email-changed-former",
            Self::TokenReused => Letter::TokenReused.name(),
            Self::Digest => Letter::Digest.name(),
        }
    }
}
