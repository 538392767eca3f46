//! `GET /v1/roles`: shows the roles that there are, to whoever may read roles.

use api::{
    AccessGate, Endpoint, NotAdmitted, Nothing, Permitted, Problem, ProblemType, RolesRead, Route, Shown,
    ShownRole, UseCase,
};
use cloud::{Cloud, SettingError};
use schemars::JsonSchema;
use serde::Serialize;
use store::Identities;
use thiserror::Error;

/// Shows roles.
pub struct ListRoles {
    gate: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ListRoles>, SettingError> {
    let gate = AccessGate::new(cloud, &Identities::new(cloud)?)?;
    Endpoint::reading(cloud, ListRoles { gate })
}

/// All roles, by name.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Roles")]
pub struct Listed {
    items: Vec<ShownRole>,
}

/// Why no roles are shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
}

impl UseCase for ListRoles {
    const ROUTES: &'static [Route] = &[Route::get("/v1/roles")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Permitted<RolesRead>;
    type Request = Nothing;
    type Response = Shown<Listed>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, caller: Permitted<RolesRead>, _: Nothing) -> Result<Shown<Listed>, Refusal> {
        let authority = caller.authority().await?;
        let roles = authority.roles();
        Ok(Shown(Listed { items: roles.iter().map(ShownRole::from).collect() }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAdmitted(refused) => refused.into(),
        }
    }
}
