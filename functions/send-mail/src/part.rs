//! What each event asks for.

use crate::letter::Letter;

/// One mail that an event asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    VerifyRegistration,
    VerifyRegistrationAgain,
    ResetPassword,
    VerifyEmailChange,
    Invitation,
    /// To a user whom an administrator lets choose a new password.
    ResetPasswordOfUser,
    /// Tells a user what was done to the account, at the address that it had then.
    Notice(Letter),
    /// Tells of a change of address at the address before.
    NoticeToFormerAddress,
    /// Tells a user that a refresh token was used again.
    TokenReused,
    /// Tells those who run the system how it stands.
    Digest,
}

impl Part {
    /// The mails that an event asks for; `None` if none is known. What is urgent comes first.
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

    /// What tells it from the other parts of the same event.
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
