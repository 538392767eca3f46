//! `GET /v1/user-counts`: shows an administrator how many users there are of each status.
//!
//! The counts follow the events, a moment behind.

use api::{AccessGate, Endpoint, Nothing, Permitted, Problem, ProblemType, Route, Shown, UseCase, UsersRead};
use cloud::{Cloud, SettingError};
use domain::{StatusName, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Counts, Failure, Identities, UserCounts};
use thiserror::Error;

/// Shows counts.
pub struct ReadUserCounts {
    counts: UserCounts,
    gate: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUserCounts>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    let counts = UserCounts::new(cloud, identities.client())?;
    Endpoint::reading(cloud, ReadUserCounts { counts, gate })
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

/// Why nothing is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ReadUserCounts {
    const ROUTES: &'static [Route] = &[Route::get("/v1/user-counts")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Permitted<UsersRead>;
    type Request = Nothing;
    type Response = Shown<Counted>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, _caller: Permitted<UsersRead>, _: Nothing) -> Result<Shown<Counted>, Refusal> {
        Ok(Shown(self.counts.read().await?.into()))
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

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
