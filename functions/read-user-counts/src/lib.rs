//! `GET /v1/user-counts`: count users by status.
//!
//! The counts are eventually consistent.

use api::{Authorized, Endpoint, Error, Json, Nothing, ProblemType, Route, UseCase, UsersRead};
use cloud::{Cloud, SettingError};
use domain::{StatusName, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Counts, Identities, UserCounts};

/// Returns the counts.
pub struct ReadUserCounts(UserCounts);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUserCounts>, SettingError> {
    let identities = Identities::new(cloud)?;
    let counts = UserCounts::new(cloud, identities.client())?;
    Endpoint::new(cloud, identities, ReadUserCounts(counts))
}

/// The numbers of users.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "UserCounts")]
pub struct Counted {
    active: u64,
    suspended: u64,
    deleting: u64,
    total: u64,
    /// The time of the newest counted change; `null` before the first one.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    as_of: Option<Timestamp>,
}

impl UseCase for ReadUserCounts {
    const ROUTES: &'static [Route] = &[Route::get("/v1/user-counts")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Authorized<UsersRead>;
    type Request = Nothing;
    type Response = Json<Counted>;

    async fn run(&self, _: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        Ok(Json(self.0.read().await?.into()))
    }
}

impl From<Counts> for Counted {
    fn from(counts: Counts) -> Self {
        let of = |status| counts.of.get(&status).copied().unwrap_or_default();
        Self {
            active: of(StatusName::Active),
            suspended: of(StatusName::Suspended),
            deleting: of(StatusName::Deleting),
            total: counts.total(),
            as_of: counts.as_of,
        }
    }
}
