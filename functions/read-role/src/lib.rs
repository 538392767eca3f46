//! `GET /v1/roles/{name}`: shows a role to whoever may read roles.

use api::{
    AccessGate, Endpoint, Path, Permitted, Problem, ProblemType, RolesRead, Route, ShownRole, UseCase,
    Versioned,
};
use cloud::{Cloud, SettingError};
use domain::RoleName;
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, Identities};
use thiserror::Error;

/// Shows a role.
pub struct ReadRole {
    identities: Identities,
    gate: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadRole>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, identities.key_reader())?;
    Endpoint::reading(cloud, ReadRole { identities, gate })
}

/// Which role.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    name: String,
}

/// Why no role is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such role.
    #[error("there is no such role")]
    NotFound,
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ReadRole {
    const ROUTES: &'static [Route] = &[Route::get("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Permitted<RolesRead>;
    type Request = Path<Request>;
    type Response = Versioned<ShownRole>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        _: Permitted<RolesRead>,
        Path(request): Path<Request>,
    ) -> Result<Versioned<ShownRole>, Refusal> {
        let name = RoleName::parse(&request.name).map_err(|_| Refusal::NotFound)?;
        let roles = self.identities.roles().await?;
        let role = roles.get(&name).ok_or(Refusal::NotFound)?;
        Ok(Versioned { version: role.version, content: role.into() })
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
