//! `POST /v1/users/{id}/password-reset`: has a link mailed to a user, to choose a new password by.
//!
//! An administrator sees neither the link nor a password, and the present one stays until a new one is chosen.
//! Whoever was invited and has chosen none yet is invited again.

use administration::{Administration, NotDone, Stated, Whom};
use api::{
    Accepted, AccessGate, Body, Endpoint, Path, Permitted, Problem, ProblemType, Route, UseCase, UsersWrite,
};
use cloud::{Clock, Cloud, SettingError};
use domain::{Status, User};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Identities, MailLimits, NotReserved};
use thiserror::Error;

/// What the attempts are at: of their own, so that no stranger's requests close this door.
const LIMIT: &str = "reset-by-administrator";

/// Has links mailed.
pub struct StartPasswordReset {
    administration: Administration,
    identities: Identities,
    limits: MailLimits,
    clock: Clock,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<StartPasswordReset>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    let (identities, limits) = (Identities::new(cloud)?, MailLimits::new(cloud)?);
    let start = StartPasswordReset { administration, identities, limits, clock: cloud.clock() };
    Endpoint::changing(cloud, start, receipts)
}

/// The mail is on its way.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
}

/// Why nothing is mailed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The user may not sign in, and so no link would be good.
    #[error("the user is suspended")]
    Suspended,
    /// Too many were asked for.
    #[error(transparent)]
    NotReserved(#[from] NotReserved),
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

impl UseCase for StartPasswordReset {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/password-reset")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::NotFound,
        ProblemType::RateLimited,
        ProblemType::UserSuspended,
        ProblemType::ValidationFailed,
    ];
    type Caller = Permitted<UsersWrite>;
    type Request = (Path<Whom>, Body<Stated>);
    type Response = Accepted<Taken>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(stated)): (Path<Whom>, Body<Stated>),
    ) -> Result<Accepted<Taken>, Refusal> {
        let (id, reason) = (whom.parse()?, stated.parse()?);
        let limits = self.limits.to_user(LIMIT, caller.user_id, id, &caller.head.client);
        self.identities.reserve(&limits, self.clock.now()).await?;

        let act = self.administration.act(&caller);
        let request = |user: &User| match user.status {
            Status::Suspended => Err(Refusal::Suspended),
            _ => Ok(Some(user.request_password_reset(reason.clone(), act.cause()))),
        };
        act.change_user(id, request, |_| Accepted(Taken { status: "reset_sent" })).await
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Suspended => Self::of(ProblemType::UserSuspended),
            Refusal::NotReserved(NotReserved::TooMany(seconds)) => Self::rate_limited(seconds),
            Refusal::NotReserved(NotReserved::Failed(failure)) => Self::failure(failure.is_retryable()),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
