//! Why nothing is done.

use api::{FieldProblem, NotAdmitted, Problem, ProblemType};
use domain::{InvalidReason, NoAuthority};
use store::{Failure, NotReserved};
use thiserror::Error;

/// Why others stay as they are.
#[derive(Debug, Error)]
pub enum NotDone {
    /// It does not say why it should be done.
    #[error("no reason")]
    NoReason(#[from] InvalidReason),
    /// There is no such user or role (any more).
    #[error("there is no such user or role")]
    NotFound,
    /// Who or what is to be changed is not of the version that the request is for.
    #[error("it has changed")]
    Changed,
    /// Nobody would be left who can give rights.
    #[error("the user is the last administrator")]
    LastAdministrator,
    /// The caller is not admitted, or may not change the user or the role.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// Too many such actions.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// The tables failed, or others keep changing the same.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl From<NoAuthority> for NotDone {
    fn from(none: NoAuthority) -> Self {
        Self::NotAdmitted(none.into())
    }
}

impl From<NotDone> for Problem {
    fn from(not_done: NotDone) -> Self {
        match not_done {
            NotDone::NoReason(error) => {
                let code = ProblemType::ValidationFailed.slug();
                Self::fields(vec![FieldProblem::new("/reason", code, &error)])
            }
            NotDone::NotFound => Self::of(ProblemType::NotFound),
            NotDone::Changed => Self::of(ProblemType::VersionConflict),
            NotDone::LastAdministrator => Self::of(ProblemType::LastAdministrator),
            NotDone::NotAdmitted(refused) => refused.into(),
            NotDone::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            NotDone::NotReserved(NotReserved::Failed(failure)) | NotDone::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
        }
    }
}
