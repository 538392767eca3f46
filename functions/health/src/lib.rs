//! `GET /v1/health`: check that the API is reachable, without I/O and without a token.

use api::{Anonymous, Endpoint, Error, Json, Nothing, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use schemars::JsonSchema;
use serde::Serialize;

/// Reports that the API is reachable.
pub struct Health;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<Health>, SettingError> {
    Endpoint::public(cloud, Health)
}

/// The report.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Report {
    status: &'static str,
}

impl UseCase for Health {
    const ROUTES: &'static [Route] = &[Route::get("/v1/health")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Anonymous;
    type Request = Nothing;
    type Response = Json<Report>;

    async fn run(&self, _: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        Ok(Json(Report { status: "ok" }))
    }
}
