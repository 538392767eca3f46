//! The outcome of a command, and its retry.

use std::convert::Infallible;

use crate::StoreError;

/// How often a command is decided, at most, while concurrent changes of the same user or role conflict.
pub(crate) const MAX_ATTEMPTS: usize = 10;

/// A command that was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError<R = Infallible> {
    /// The state has changed since it was read: read again and decide again.
    #[error("the state has changed since it was read")]
    Conflict,
    /// The state does not permit the command.
    #[error(transparent)]
    Rejected(R),
    /// The tables failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The user would have been the last administrator to go.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the user is the last administrator")]
pub struct LastAdministrator;

/// Another user has the address.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the address is taken")]
pub struct EmailTaken;

/// The session has ended.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the session has ended")]
pub struct SessionEnded;

/// The link was used, replaced or taken back, or has expired.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the link has expired or was already used")]
pub struct LinkSpent;

/// The reason why an address is not claimed by a link.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClaimRejected {
    /// The link cannot be used.
    #[error(transparent)]
    LinkSpent(#[from] LinkSpent),
    /// The address cannot be claimed.
    #[error(transparent)]
    EmailTaken(#[from] EmailTaken),
}

/// The positions of the writes whose own conditions did not hold.
pub(crate) type Unmet = Vec<usize>;

impl CommitError<Unmet> {
    /// Returns the rejection that the unmet conditions stand for. Without one, the state has changed.
    pub(crate) fn because<R>(self, rejection: impl FnOnce(&[usize]) -> Option<R>) -> CommitError<R> {
        match self {
            Self::Rejected(unmet) => rejection(&unmet).map_or(CommitError::Conflict, CommitError::Rejected),
            Self::Conflict => CommitError::Conflict,
            Self::Store(failure) => CommitError::Store(failure),
        }
    }

    /// Takes every unmet condition for a conflict.
    pub(crate) fn conflict(self) -> CommitError {
        self.because(|_| None)
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Contended,
            CommitError::Store(failure) => failure,
        }
    }
}

/// An error of an attempt that may be a conflict.
pub trait AttemptError: From<StoreError> {
    /// Whether the next attempt may succeed, since it reads again.
    fn is_conflict(&self) -> bool;
}

impl<R> AttemptError for CommitError<R> {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

/// Repeats an attempt, which reads, decides and commits, as long as it conflicts. It is given its number, from 0 on.
///
/// The attempt returns a future that is [`Send`] by itself: the compiler cannot yet prove it of an async closure.
///
/// # Errors
/// The error of the attempt, or [`StoreError::Contended`] after too many conflicts.
pub async fn retry_on_conflict<T, E: AttemptError, F: Future<Output = Result<T, E>>>(
    attempt: impl Fn(usize) -> F,
) -> Result<T, E> {
    for number in 0..MAX_ATTEMPTS {
        // Boxed, since the compiler lays out futures only to some depth.
        match Box::pin(attempt(number)).await {
            Err(error) if error.is_conflict() => {}
            outcome => return outcome,
        }
    }
    Err(StoreError::Contended.into())
}
