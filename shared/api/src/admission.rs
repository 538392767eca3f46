//! The check of a caller against the current user, session and roles.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use cloud::chain;
use domain::{Authority, NoAuthority, SessionId, Timestamp, User, UserId};
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use store::{AuthorizationError, Identities};
use tokio::sync::OnceCell;
use tracing::error;

use crate::{Error, Problem};

/// The check of the caller of one request. The endpoint and the use case share the first read. Further calls
/// by the use case read again.
#[derive(Clone)]
pub struct Admission(Arc<Check>);

struct Check {
    identities: Identities,
    caller: (UserId, SessionId),
    permission: Option<&'static str>,
    now: Timestamp,
    first: OnceCell<Result<Admitted, AdmissionError>>,
    /// Whether the use case has used the first read.
    is_taken: AtomicBool,
}

/// An admitted caller.
#[derive(Clone)]
enum Admitted {
    Authenticated(Box<User>),
    Authorized(Box<Authority>),
}

/// The reason why a caller is not admitted.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(crate) enum AdmissionError {
    /// The session has ended, or the user lacks the permission.
    #[error(transparent)]
    None(#[from] NoAuthority),
    /// The table failed. The cause is logged.
    #[error("failed to read the caller")]
    NotRead {
        /// Whether the same request may succeed later.
        is_retryable: bool,
    },
}

impl Admission {
    pub(crate) fn new(
        identities: &Identities,
        caller: (UserId, SessionId),
        permission: Option<&'static str>,
        now: Timestamp,
    ) -> Self {
        Self(Arc::new(Check {
            identities: identities.clone(),
            caller,
            permission,
            now,
            first: OnceCell::new(),
            is_taken: AtomicBool::new(false),
        }))
    }

    /// Checks the caller.
    ///
    /// # Errors
    /// [`AdmissionError`].
    pub(crate) async fn check(&self) -> Result<(), AdmissionError> {
        self.0.first().await.as_ref().map(drop).map_err(|refused| *refused)
    }

    /// Returns the caller for the use case.
    pub(crate) async fn user(&self) -> Result<User, AdmissionError> {
        Ok(match self.0.next().await? {
            Admitted::Authenticated(user) => *user,
            Admitted::Authorized(authority) => authority.user().clone(),
        })
    }

    /// Returns the authority of the caller for the use case.
    pub(crate) async fn authority(&self) -> Result<Authority, AdmissionError> {
        match self.0.next().await? {
            Admitted::Authorized(authority) => Ok(*authority),
            Admitted::Authenticated(_) => Err(NoAuthority::Forbidden.into()),
        }
    }
}

impl Check {
    async fn first(&self) -> &Result<Admitted, AdmissionError> {
        self.first.get_or_init(|| self.read()).await
    }

    async fn next(&self) -> Result<Admitted, AdmissionError> {
        if self.is_taken.swap(true, Relaxed) { self.read().await } else { self.first().await.clone() }
    }

    /// Boxed, so that the futures of the use cases stay small.
    fn read(&self) -> BoxFuture<'_, Result<Admitted, AdmissionError>> {
        self.admitted().map_err(AdmissionError::from).boxed()
    }

    async fn admitted(&self) -> Result<Admitted, AuthorizationError> {
        let Self { identities, caller, permission, now, .. } = self;
        Ok(match permission {
            None => Admitted::Authenticated(identities.signed_in(*caller, *now).await?.into()),
            Some(permission) => {
                Admitted::Authorized(identities.authority(*caller, permission, *now).await?.into())
            }
        })
    }
}

impl From<AuthorizationError> for AdmissionError {
    fn from(refused: AuthorizationError) -> Self {
        match refused {
            AuthorizationError::None(none) => none.into(),
            AuthorizationError::NotRead(failure) => {
                error!(cause = chain(&failure), "failed to read the caller");
                Self::NotRead { is_retryable: failure.is_retryable() }
            }
        }
    }
}

impl From<AdmissionError> for Error {
    fn from(refused: AdmissionError) -> Self {
        match refused {
            AdmissionError::None(none) => none.into(),
            AdmissionError::NotRead { is_retryable } => Problem::failure(is_retryable).into(),
        }
    }
}
