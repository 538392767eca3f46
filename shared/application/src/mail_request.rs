//! Requests of anonymous callers for a mail. They are counted for the address and the source, and only noted, so that
//! neither the answer nor its time can tell who is registered. That is found out behind the bus.
//!
//! A use case passes a request to [`MailRequests::admit`], and commits it with [`MailRequests::answering`].

use api::{Accepted, Anonymous, Error, ProblemType};
use cloud::{Cloud, SettingError};
use domain::{CanonicalEmail, Email};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Commands, Identities, MailLimits, Store};

/// The problems that such a request is refused with.
pub const PROBLEMS: &[ProblemType] = &[ProblemType::RateLimited, ProblemType::ValidationFailed];

/// Takes requests for a mail.
pub struct MailRequests {
    store: Store,
    limits: MailLimits,
}

/// The address that a mail is requested for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(email, example = "ada@example.com")]
    email: String,
}

/// The same for everyone.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct MailAccepted {
    status: &'static str,
}

impl Request {
    /// Returns the address that the request names, for the hash in the log.
    #[must_use]
    pub fn address(&self) -> Option<CanonicalEmail> {
        Email::parse(&self.email).ok().map(|email| email.canonical().clone())
    }
}

impl MailAccepted {
    /// The answer that says no more than this.
    #[must_use]
    pub const fn of(status: &'static str) -> Accepted<Self> {
        Accepted(Self { status })
    }
}

impl MailRequests {
    /// Works on the tables of this deployment, with its limits.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self { store: Store::new(cloud)?, limits: MailLimits::new(cloud)? })
    }

    /// Returns the table of users.
    #[must_use]
    pub fn identities(&self) -> Identities {
        self.store.identities().clone()
    }

    /// Admits a request and returns its address. Each `kind` has its own limits, so that guessing at log-in blocks no
    /// other route.
    ///
    /// # Errors
    /// Those of [`PROBLEMS`], or if the table does not answer.
    pub async fn admit(&self, caller: &Anonymous, request: &Request, kind: &str) -> Result<Email, Error> {
        let email =
            Email::parse(&request.email).map_err(|error| Error::field("/email", "invalid-email", &error))?;
        let limits = self.limits.of(kind, email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, caller.head.now).await?;
        Ok(email)
    }

    /// Returns the commands, of which one is committed with the receipt for `answer`.
    #[must_use]
    pub fn answering(&self, caller: &Anonymous, answer: &Accepted<MailAccepted>) -> Commands<'_> {
        self.store.answering(caller.receipt(answer))
    }
}
