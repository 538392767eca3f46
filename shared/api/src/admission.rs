//! The check of a caller against the current user, session and roles.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

use cloud::chain;
use domain::{Authority, NoAuthority, SessionId, Timestamp, User, UserId};
use futures_util::{FutureExt, TryFutureExt, future::BoxFuture};
use store::{Identities, NotAuthorized};
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
    first: OnceCell<Result<Admitted, NotAdmitted>>,
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
pub(crate) enum NotAdmitted {
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
    /// [`NotAdmitted`].
    pub(crate) async fn check(&self) -> Result<(), NotAdmitted> {
        self.0.first().await.as_ref().map(drop).map_err(|refused| *refused)
    }

    /// Returns the caller for the use case.
    pub(crate) async fn user(&self) -> Result<User, NotAdmitted> {
        Ok(match self.0.next().await? {
            Admitted::Authenticated(user) => *user,
            Admitted::Authorized(authority) => authority.user().clone(),
        })
    }

    /// Returns the authority of the caller for the use case.
    pub(crate) async fn authority(&self) -> Result<Authority, NotAdmitted> {
        match self.0.next().await? {
            Admitted::Authorized(authority) => Ok(*authority),
            Admitted::Authenticated(_) => Err(NoAuthority::Forbidden.into()),
        }
    }
}

impl Check {
    async fn first(&self) -> &Result<Admitted, NotAdmitted> {
        self.first.get_or_init(|| self.read()).await
    }

    async fn next(&self) -> Result<Admitted, NotAdmitted> {
        if self.is_taken.swap(true, Relaxed) { self.read().await } else { self.first().await.clone() }
    }

    /// Boxed, so that the futures of the use cases stay small.
    fn read(&self) -> BoxFuture<'_, Result<Admitted, NotAdmitted>> {
        self.admitted().map_err(NotAdmitted::from).boxed()
    }

    async fn admitted(&self) -> Result<Admitted, NotAuthorized> {
        let Self { identities, caller, permission, now, .. } = self;
        Ok(match permission {
            None => Admitted::Authenticated(identities.signed_in(*caller, *now).await?.into()),
            Some(permission) => {
                Admitted::Authorized(identities.authority(*caller, permission, *now).await?.into())
            }
        })
    }
}

impl From<NotAuthorized> for NotAdmitted {
    fn from(refused: NotAuthorized) -> Self {
        match refused {
            NotAuthorized::None(none) => none.into(),
            NotAuthorized::NotRead(failure) => {
                error!(cause = chain(&failure), "failed to read the caller");
                Self::NotRead { is_retryable: failure.is_retryable() }
            }
        }
    }
}

impl From<NotAdmitted> for Error {
    fn from(refused: NotAdmitted) -> Self {
        match refused {
            NotAdmitted::None(none) => none.into(),
            NotAdmitted::NotRead { is_retryable } => Problem::failure(is_retryable).into(),
        }
    }
}
