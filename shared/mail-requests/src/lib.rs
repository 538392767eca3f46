//! What use cases share by which anybody asks for a mail: counted for the address and the source, and only noted, so
//! that neither the answer nor its time can tell who is known. That is found out behind the bus.
//!
//! A use case lets [`MailRequests::admit`] a request, and commits by [`MailRequests::answering`] what it makes of it.

use api::{Accepted, Anyone, FieldProblem, Problem, ProblemType, Receipts};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{CanonicalEmail, Cause, Email, Id, InvalidEmail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Commands, Failure, MailLimits, NotReserved, Store};
use thiserror::Error;

/// Takes requests for a mail.
pub struct MailRequests {
    store: Store,
    limits: MailLimits,
    clock: Clock,
    random: Random,
}

/// Who is to get a mail.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
}

/// The same for everyone.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
}

/// A request that is counted.
pub struct Admitted {
    /// Whom it names.
    pub email: Email,
    /// Why its event happens.
    pub cause: Cause,
}

/// Why a request is not taken.
#[derive(Debug, Error)]
pub enum NotTaken {
    /// It names no address.
    #[error("no address")]
    NoAddress(#[from] InvalidEmail),
    /// Too many were made.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// It could not be stored.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl Request {
    /// Returns the address that the request names, for the hash in the log.
    #[must_use]
    pub fn address(&self) -> Option<CanonicalEmail> {
        Email::parse(&self.email).ok().map(|email| email.canonical().clone())
    }
}

impl NotTaken {
    /// What it is to a caller.
    pub const PROBLEMS: &'static [ProblemType] = &[ProblemType::RateLimited, ProblemType::ValidationFailed];
}

impl Taken {
    /// The answer that says no more than this.
    #[must_use]
    pub const fn of(status: &'static str) -> Accepted<Self> {
        Accepted(Self { status })
    }
}

impl MailRequests {
    /// Of this deployment.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let (store, limits) = (Store::new(cloud)?, MailLimits::new(cloud)?);
        Ok(Self { store, limits, clock: cloud.clock(), random: cloud.random() })
    }

    /// Returns the receipts of these requests.
    ///
    /// # Errors
    /// If the setting `CREDENTIALS_SECRET` is missing.
    pub fn receipts(&self, cloud: &Cloud) -> Result<Receipts, SettingError> {
        Receipts::new(cloud, self.store.identities()).sealed_by_credentials(cloud)
    }

    /// Admits a request, as one of those of a `kind`, which are counted by themselves: guessing at log-in closes no
    /// other door.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn admit(&self, caller: &Anyone, request: &Request, kind: &str) -> Result<Admitted, NotTaken> {
        let email = Email::parse(&request.email)?;
        let now = self.clock.now();
        let limits = self.limits.of(kind, email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, now).await?;
        Ok(Admitted { email, cause: caller.cause(self.random.id(now), now) })
    }

    /// An id for what is made of a request.
    #[must_use]
    pub fn id<Kind>(&self, cause: &Cause) -> Id<Kind> {
        self.random.id(cause.occurred_at)
    }

    /// The commands, of which one is carried out with the receipt for `answer`.
    #[must_use]
    pub fn answering(&self, caller: &Anyone, answer: &Accepted<Taken>) -> Commands<'_> {
        self.store.answering(caller.receipt(answer))
    }
}

impl From<NotTaken> for Problem {
    fn from(not_taken: NotTaken) -> Self {
        match not_taken {
            NotTaken::NoAddress(error) => {
                Self::fields(vec![FieldProblem::new("/email", "invalid-email", &error)])
            }
            NotTaken::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            NotTaken::NotReserved(NotReserved::Failed(failure)) | NotTaken::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
        }
    }
}
