//! `GET /v1/roles`: list all roles.

use api::{Authorized, Endpoint, Error, Json, Nothing, ProblemType, RolesRead, Route, UseCase};
use application::representations::ShownRole;
use cloud::{Cloud, SettingError};
use schemars::JsonSchema;
use serde::Serialize;
use store::Identities;

/// Lists roles.
pub struct ListRoles;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ListRoles>, SettingError> {
    Endpoint::new(cloud, Identities::new(cloud)?, ListRoles)
}

/// All roles, ordered by name.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Roles")]
pub struct Listed {
    items: Vec<ShownRole>,
}

impl UseCase for ListRoles {
    const ROUTES: &'static [Route] = &[Route::get("/v1/roles")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Authorized<RolesRead>;
    type Request = Nothing;
    type Response = Json<Listed>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let authority = caller.authority().await?;
        Ok(Json(Listed { items: authority.roles().iter().map(ShownRole::from).collect() }))
    }
}
