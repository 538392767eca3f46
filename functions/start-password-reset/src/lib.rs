//! `POST /v1/users/{id}/reset-password`: has a user mailed a link to choose a new password, for an
//! administrator.
//!
//! The administrator neither sets nor sees a password, nor the link.

use api::{
    Accepted, AccessGate, Body, Endpoint, FieldProblem, Path, Permitted, Problem, ProblemType, Receipts,
    Right, Route, UseCase, UsersWrite,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{InvalidReason, NoAuthority, StatedReason, Status, User, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Failure, NotAuthorized, Refused, Store};
use thiserror::Error;

/// Starts resets.
pub struct StartPasswordReset {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<StartPasswordReset>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities().key_reader())?;
    let receipts = Receipts::new(cloud, store.identities().receipt_reader());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, StartPasswordReset { store, gate, clock, random }, receipts)
}

/// Who is to choose a new password.
#[derive(Deserialize, JsonSchema)]
pub struct Whom {
    id: String,
}

/// Why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Why, for the event.
    reason: Option<String>,
}

/// What was set off.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "ResetStarted")]
pub struct Started {
    /// Always `reset_sent`.
    status: &'static str,
}

/// Why nobody is mailed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such user (any more), or none who may sign in: a new password would be no use.
    #[error("there is no such user")]
    NotFound,
    /// The reason is not acceptable.
    #[error(transparent)]
    Unacceptable(#[from] InvalidReason),
    /// The caller may not do it (any more).
    #[error(transparent)]
    NotPermitted(NoAuthority),
    /// Too many changes of this user at once.
    #[error("too many turns")]
    Contended,
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for StartPasswordReset {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/reset-password")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound, ProblemType::ValidationFailed];
    type Caller = Permitted<UsersWrite>;
    type Request = (Path<Whom>, Body<Request>);
    type Response = Accepted<Started>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(request)): (Path<Whom>, Body<Request>),
    ) -> Result<Accepted<Started>, Refusal> {
        let id: UserId = whom.id.parse().map_err(|_| Refusal::NotFound)?;
        let reason = request.reason.map(|reason| StatedReason::parse(&reason)).transpose()?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let by = (caller.user_id, caller.session_id);
        let started = Accepted(Started { status: "reset_sent" });
        for _turn in 0..store::TURNS {
            let authority = self.store.identities().authority(by, UsersWrite::PERMISSION, now);
            let (authority, user) = tokio::join!(authority, self.user(id));
            let (authority, user) = (authority?, user?);
            let (after, event) = user.start_password_reset(reason.clone(), cause.clone());
            let store = self.store.answering(caller.receipt(&started)).under(&authority);
            match store.update_user(&after, event).await {
                Ok(()) => return Ok(started),
                Err(Refused::Stale) => {}
                Err(Refused::Failed(failure)) => return Err(failure.into()),
            }
        }
        Err(Refusal::Contended)
    }
}

impl StartPasswordReset {
    async fn user(&self, id: UserId) -> Result<User, Refusal> {
        let user = self.store.identities().user(id).await?;
        user.filter(|user| user.status == Status::Active).ok_or(Refusal::NotFound)
    }
}

impl From<NotAuthorized> for Refusal {
    fn from(not_authorized: NotAuthorized) -> Self {
        match not_authorized {
            NotAuthorized::None(none) => Self::NotPermitted(none),
            NotAuthorized::NotRead(failure) => Self::NotStored(failure),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::Unacceptable(error) => {
                Self::fields(vec![FieldProblem::new("/reason", ProblemType::ValidationFailed.slug(), &error)])
            }
            Refusal::NotPermitted(none) => none.into(),
            Refusal::Contended => Self::unavailable(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
