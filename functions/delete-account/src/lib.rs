//! `DELETE /v1/me`: asks for the user who is signed in to be erased, for the password once more.
//!
//! Every session ends. The last administrator stays. Until the user is erased, logging in takes the deletion back.

use std::time::Duration;

use api::{AccessGate, Body, Endpoint, NoContent, Problem, ProblemType, Receipts, Route, SignedIn, UseCase};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::Secret;
use passwords::{NotProven, Proven, Reentry};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, Refused, StandingRefused, Store};
use thiserror::Error;

const DAY: Duration = Duration::from_hours(24);

/// Deletes accounts.
pub struct DeleteAccount {
    store: Store,
    gate: AccessGate,
    reentry: Reentry,
    grace: Duration,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<DeleteAccount>, SettingError> {
    let store = Store::new(cloud)?;
    let receipts = Receipts::new(cloud, store.identities()).sealed_by_credentials(cloud)?.limited();
    let delete = DeleteAccount {
        gate: AccessGate::new(cloud, store.identities())?,
        reentry: Reentry::new(cloud, store.identities())?,
        store,
        grace: DAY * cloud.settings().parsed::<u32>("DELETION_GRACE_DAYS")?,
        clock: cloud.clock(),
        random: cloud.random(),
    };
    Endpoint::changing(cloud, delete, receipts)?.with_log_hashes(cloud)
}

/// What proves the user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[schemars(with = "String")]
    password: Secret,
}

/// Why the account stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Whether it is the user who asks is not known.
    #[error(transparent)]
    NotProven(#[from] NotProven),
    /// Nobody would be left who can give rights.
    #[error("the user is the last administrator")]
    LastAdministrator,
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for DeleteAccount {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::InvalidToken,
        ProblemType::LastAdministrator,
        ProblemType::RateLimited,
        ProblemType::ReauthenticationRequired,
        ProblemType::ValidationFailed,
    ];
    type Caller = SignedIn;
    type Request = Body<Request>;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.reentry.warm().await;
    }

    async fn run(&self, caller: SignedIn, Body(request): Body<Request>) -> Result<NoContent, Refusal> {
        let proven = self.reentry.prove(&caller, &request.password).await?;
        let (deleted, ()) = tokio::join!(self.delete(&caller, proven), self.reentry.forgive(caller.user_id));
        deleted
    }
}

impl DeleteAccount {
    async fn delete(&self, caller: &SignedIn, mut proven: Proven) -> Result<NoContent, Refusal> {
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        for _turn in 0..store::TURNS {
            let (deleting, event) = proven.user.request_deletion(self.grace, cause.clone());
            let store = self.store.answering(caller.last_receipt(&NoContent));
            match store.change_user((&proven.user, &deleting), event).await {
                Ok(()) => return Ok(NoContent),
                Err(StandingRefused::LastAdministrator) => return Err(Refusal::LastAdministrator),
                Err(StandingRefused::Refused(Refused::Stale)) => {
                    proven = self.reentry.again(caller, proven).await?;
                }
                Err(StandingRefused::Refused(Refused::Failed(failure))) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotProven(not_proven) => not_proven.into(),
            Refusal::LastAdministrator => Self::of(ProblemType::LastAdministrator),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
