//! `GET /v1/health`: says that the API is reached. No I/O, nothing secret.

use std::convert::Infallible;

use api::{Anyone, Endpoint, Nothing, ProblemType, Route, Shown, UseCase};
use cloud::{Cloud, SettingError};
use schemars::JsonSchema;
use serde::Serialize;

/// Says that it is there.
pub struct Health;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<Health>, SettingError> {
    Endpoint::reading(cloud, Health)
}

/// It is there.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Report {
    status: &'static str,
}

impl UseCase for Health {
    const ROUTES: &'static [Route] = &[Route::get("/v1/health")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Anyone;
    type Request = Nothing;
    type Response = Shown<Report>;
    type Refusal = Infallible;

    fn gate(&self) -> &() {
        &()
    }

    async fn run(&self, _: Anyone, _: Nothing) -> Result<Shown<Report>, Infallible> {
        Ok(Shown(Report { status: "ok" }))
    }
}
