//! `GET /v1/roles/{name}`: shows a role to whoever may read roles.

use api::{
    AccessGate, Endpoint, NotAdmitted, Path, Permitted, Problem, ProblemType, RolesRead, Route, ShownRole,
    UseCase, Versioned,
};
use cloud::{Cloud, SettingError};
use domain::RoleName;
use schemars::JsonSchema;
use serde::Deserialize;
use store::Identities;
use thiserror::Error;

/// Shows a role.
pub struct ReadRole {
    gate: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadRole>, SettingError> {
    let gate = AccessGate::new(cloud, &Identities::new(cloud)?)?;
    Endpoint::reading(cloud, ReadRole { gate })
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
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
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
        caller: Permitted<RolesRead>,
        Path(request): Path<Request>,
    ) -> Result<Versioned<ShownRole>, Refusal> {
        let name = RoleName::parse(&request.name).map_err(|_| Refusal::NotFound)?;
        let authority = caller.authority().await?;
        let roles = authority.roles();
        let role = roles.get(&name).ok_or(Refusal::NotFound)?;
        Ok(Versioned { version: role.version, content: role.into() })
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::NotAdmitted(refused) => refused.into(),
        }
    }
}
