//! `POST /v1/password-resets`: asks for a link to choose a new password.
//!
//! Only notes that somebody asked. Whether there is such a user is found out behind the bus, so that
//! neither the answer nor its time can tell.

use std::time::Duration;

use api::{Accepted, Anyone, Body, Endpoint, FieldProblem, Problem, ProblemType, Receipts, Route, UseCase};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Email, InvalidEmail, PasswordResetRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Failure, MailLimits, NotReserved, Store};
use thiserror::Error;

/// What the attempts are at: of their own, so that guessing at log-in does not close this door.
const LIMIT: &str = "reset";
/// A request that no mail has answered within this time is forgotten: whoever still waits asks again.
const LIFETIME: Duration = Duration::from_hours(1);

/// Takes requests for a new password.
pub struct RequestPasswordReset {
    store: Store,
    limits: MailLimits,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RequestPasswordReset>, SettingError> {
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let request = RequestPasswordReset {
        store,
        limits: MailLimits::new(cloud)?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, request, receipts)
}

/// Whose password is forgotten.
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

/// Why the request is not taken.
#[derive(Debug, Error)]
pub enum Refusal {
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

impl UseCase for RequestPasswordReset {
    const ROUTES: &'static [Route] = &[Route::post("/v1/password-resets")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::RateLimited, ProblemType::ValidationFailed];
    type Caller = Anyone;
    type Request = Body<Request>;
    type Response = Accepted<Taken>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn run(&self, caller: Anyone, Body(request): Body<Request>) -> Result<Accepted<Taken>, Refusal> {
        let email = Email::parse(&request.email)?;
        let now = self.clock.now();
        let limits = self.limits.of(LIMIT, email.canonical(), &caller.head.client);
        self.store.identities().reserve(&limits, now).await?;

        let cause = caller.cause(self.random.id(now), now);
        let (request, event) = PasswordResetRequest::new(self.random.id(now), &email, LIFETIME, cause);
        let taken = Accepted(Taken { status: "reset_sent" });
        self.store.answering(caller.receipt(&taken)).add_password_reset(&request, event).await?;

        Ok(taken)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoAddress(error) => {
                Self::fields(vec![FieldProblem::new("/email", "invalid-email", &error)])
            }
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotReserved(NotReserved::Failed(failure)) | Refusal::NotStored(failure) => {
                Self::failure(failure.is_retryable())
            }
        }
    }
}
