//! `GET /v1/users/{id}`: shows a user to an administrator.

use api::{
    AccessGate, Endpoint, Path, Permitted, Problem, ProblemType, Profile, Route, UseCase, UsersRead,
    Versioned,
};
use cloud::{Cloud, SettingError};
use domain::UserId;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, Identities};
use thiserror::Error;

/// Shows users.
pub struct ReadUser {
    identities: Identities,
    gate: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUser>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    Endpoint::reading(cloud, ReadUser { identities, gate })
}

/// Which user to show.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    id: String,
}

/// Why nobody is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such user (any more).
    #[error("there is no such user")]
    NotFound,
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ReadUser {
    const ROUTES: &'static [Route] = &[Route::get("/v1/users/{id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Permitted<UsersRead>;
    type Request = Path<Request>;
    type Response = Versioned<Profile>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        _caller: Permitted<UsersRead>,
        Path(request): Path<Request>,
    ) -> Result<Versioned<Profile>, Refusal> {
        let id: UserId = request.id.parse().map_err(|_| Refusal::NotFound)?;
        let user = self.identities.user(id).await?.ok_or(Refusal::NotFound)?;
        Ok(user.into())
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
