//! `POST /v1/users/{id}/password-reset`: sends a password reset link to a user.
//!
//! An administrator sees neither the link nor a password, and the current password stays until a new one is chosen.
//! A user who has not accepted an invitation is invited again.

use administration::{Administration, NotDone, Stated, Whom};
use api::{
    Accepted, AccessGate, Body, Endpoint, Path, Permitted, Problem, ProblemType, Route, UseCase, UsersWrite,
};
use cloud::{Cloud, SettingError};
use domain::User;
use schemars::JsonSchema;
use serde::Serialize;
use store::MailLimits;
use thiserror::Error;

/// The kind of the limit: separate, so that requests of strangers do not use it up.
const LIMIT: &str = "reset-by-administrator";

/// Has links mailed.
pub struct StartPasswordReset {
    administration: Administration,
    limits: MailLimits,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<StartPasswordReset>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    let start = StartPasswordReset { administration, limits: MailLimits::new(cloud)? };
    Endpoint::changing(cloud, start, receipts)
}

/// The mail is on its way.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
}

/// The reason why nothing is mailed.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The user is suspended, so a link could not work.
    #[error("the user is suspended")]
    Suspended,
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
        let act = self.administration.act(&caller).limited_by(limits.into());
        let request = |user: &User| match user.may_reset_password() {
            true => Ok(Some(user.request_password_reset(reason.clone(), act.cause()))),
            false if user.is_suspended() => Err(Refusal::Suspended),
            false => Err(NotDone::NotFound.into()),
        };
        act.change_user(id, request, |_| Accepted(Taken { status: "reset_sent" })).await
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Suspended => Self::of(ProblemType::UserSuspended),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
