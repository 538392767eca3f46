//! `GET /v1/user-counts`: shows an administrator how many users there are of each status.
//!
//! The counts follow the events, a moment behind.

use api::{Authorized, Endpoint, Error, Json, Nothing, ProblemType, Route, UseCase, UsersRead};
use cloud::{Cloud, SettingError};
use domain::{StatusName, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Counts, Identities, UserCounts};

/// Shows counts.
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

/// How many users there are.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "UserCounts")]
pub struct Counted {
    active: u64,
    suspended: u64,
    deleting: u64,
    total: u64,
    /// When the newest change that is counted happened; `null` if nobody is.
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
