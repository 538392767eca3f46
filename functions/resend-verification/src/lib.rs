//! `POST /v1/registrations/resend`: asks for the verification mail again.
//!
//! Only notes that somebody asked. Whether there is anything to verify is found out behind the
//! bus, so that neither the answer nor its time can tell.

use std::time::Duration;

use api::{Accepted, Anyone, Endpoint, FieldProblem, Problem, Route, UseCase};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Email, InvalidEmail, ResendRequest};
use serde::{Deserialize, Serialize};
use store::{Failure, Store};
use thiserror::Error;

/// A request that no mail has answered within this time is forgotten.
const LIFETIME: Duration = Duration::from_hours(24);

/// Takes requests to mail again.
pub struct ResendVerification {
    store: Store,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ResendVerification>, SettingError> {
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::new(cloud, ResendVerification { store: Store::new(cloud)?, clock, random })
}

/// Whose mail is wanted again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    email: String,
}

/// The same for everyone.
#[derive(Serialize)]
pub struct Taken {
    status: &'static str,
}

/// Why the request is not taken.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It names no address.
    #[error("no address")]
    NoAddress(#[from] InvalidEmail),
    /// It could not be stored.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for ResendVerification {
    const ROUTES: &'static [Route] = &[Route::post("/v1/registrations/resend")];
    type Caller = Anyone;
    type Request = Request;
    type Response = Accepted<Taken>;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn run(&self, caller: Anyone, request: Request) -> Result<Accepted<Taken>, Refusal> {
        let email = Email::parse(&request.email)?;

        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let (request, event) = ResendRequest::new(self.random.id(now), &email, LIFETIME, cause);
        self.store.add_resend(&request, event).await?;

        Ok(Accepted(Taken { status: "verification_sent" }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoAddress(error) => {
                Self::fields(vec![FieldProblem::new("/email", "invalid-email", &error)])
            }
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
