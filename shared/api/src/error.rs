//! The error type of all use cases.

use std::convert::Infallible;

use cloud::{AwsError, SecretError, chain};
use domain::{InvalidAttribute, NoAuthority};
use store::{
    AttemptError, ClaimRejected, CommitError, EmailTaken, LastAdministrator, LinkSpent, RateLimitError,
    SessionEnded,
};
use tokens::KeyError;
use tracing::error;

use crate::{FieldProblem, OauthError, Problem, ProblemType};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a request is not served.
#[derive(Debug)]
pub enum Error {
    /// The request is refused, and the caller gets the reason.
    Problem(Problem),
    /// The request is refused in the form of RFC 6749.
    Oauth(OauthError),
    /// An internal failure. The caller only learns whether to retry; the source is logged once.
    Failure {
        /// Whether the same request may succeed later.
        is_retryable: bool,
        /// The cause, for the log.
        source: Source,
    },
    /// The state has changed since it was read. A retry reads it again.
    Conflict,
}

impl Error {
    /// Wraps a temporary failure, after which the same request may succeed.
    pub fn unavailable(source: impl Into<Source>) -> Self {
        Self::Failure { is_retryable: true, source: source.into() }
    }

    /// Wraps a failure that an operator has to fix.
    pub fn internal(source: impl Into<Source>) -> Self {
        Self::Failure { is_retryable: false, source: source.into() }
    }

    /// Refuses the field at `pointer`; `error` completes the sentence "`<field>` …".
    #[must_use]
    pub fn field(pointer: &str, code: &'static str, error: &impl std::error::Error) -> Self {
        vec![FieldProblem::new(pointer, code, error)].into()
    }

    /// Returns the problem for the response, and logs a failure.
    pub(crate) fn into_problem(self, correlation_id: &str) -> Problem {
        let (is_retryable, cause) = match self {
            Self::Problem(problem) => return problem,
            // Only the OAuth endpoints make one, and they never ask for a problem.
            Self::Oauth(_) => return Problem::of(ProblemType::InternalError),
            Self::Failure { is_retryable, source } => (is_retryable, chain(&*source)),
            Self::Conflict => (true, "the state has changed since it was read".to_owned()),
        };
        error!(correlation_id, cause, "refused by a failure");
        Problem::failure(is_retryable)
    }
}

impl Error {
    /// Returns the error that an OAuth endpoint answers with, and logs a failure.
    pub(crate) fn into_oauth_error(self, correlation_id: &str) -> OauthError {
        match self {
            Self::Oauth(error) => error,
            other => other.into_problem(correlation_id).into(),
        }
    }
}

impl From<OauthError> for Error {
    fn from(error: OauthError) -> Self {
        Self::Oauth(error)
    }
}

impl AttemptError for Error {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<ProblemType> for Error {
    fn from(kind: ProblemType) -> Self {
        Problem::of(kind).into()
    }
}

impl From<Vec<FieldProblem>> for Error {
    fn from(errors: Vec<FieldProblem>) -> Self {
        Problem::fields(errors).into()
    }
}

impl From<store::StoreError> for Error {
    fn from(failure: store::StoreError) -> Self {
        Self::Failure { is_retryable: failure.is_retryable(), source: failure.into() }
    }
}

impl From<SecretError> for Error {
    fn from(unavailable: SecretError) -> Self {
        Self::unavailable(unavailable)
    }
}

impl From<KeyError> for Error {
    fn from(unusable: KeyError) -> Self {
        Self::internal(unusable)
    }
}

impl From<AwsError> for Error {
    fn from(fault: AwsError) -> Self {
        Self::Failure { is_retryable: fault.is_transient(), source: fault.into() }
    }
}

impl From<RateLimitError> for Error {
    fn from(error: RateLimitError) -> Self {
        match error {
            RateLimitError::TooMany(seconds) => Problem::rate_limited(seconds).into(),
            RateLimitError::Failed(failure) => failure.into(),
        }
    }
}

impl From<InvalidAttribute> for Error {
    /// Returns the problem of all attributes in total.
    fn from(error: InvalidAttribute) -> Self {
        Self::field("/attributes", ProblemType::ValidationFailed.slug(), &error)
    }
}

impl From<NoAuthority> for Error {
    fn from(none: NoAuthority) -> Self {
        ProblemType::from(none).into()
    }
}

impl<R> From<CommitError<R>> for Error
where
    ProblemType: From<R>,
{
    fn from(error: CommitError<R>) -> Self {
        match error {
            CommitError::Conflict => Self::Conflict,
            CommitError::Rejected(rejection) => ProblemType::from(rejection).into(),
            CommitError::Store(failure) => failure.into(),
        }
    }
}

impl From<Infallible> for ProblemType {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<NoAuthority> for ProblemType {
    fn from(none: NoAuthority) -> Self {
        match none {
            NoAuthority::Ended => Self::InvalidToken,
            NoAuthority::Forbidden => Self::Forbidden,
        }
    }
}

impl From<LastAdministrator> for ProblemType {
    fn from(_: LastAdministrator) -> Self {
        Self::LastAdministrator
    }
}

impl From<EmailTaken> for ProblemType {
    fn from(_: EmailTaken) -> Self {
        Self::EmailTaken
    }
}

impl From<LinkSpent> for ProblemType {
    fn from(_: LinkSpent) -> Self {
        Self::LinkInvalid
    }
}

impl From<SessionEnded> for ProblemType {
    fn from(_: SessionEnded) -> Self {
        Self::InvalidToken
    }
}

impl From<ClaimRejected> for ProblemType {
    fn from(rejected: ClaimRejected) -> Self {
        match rejected {
            ClaimRejected::LinkSpent(spent) => spent.into(),
            ClaimRejected::EmailTaken(taken) => taken.into(),
        }
    }
}
