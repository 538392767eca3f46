//! `POST /v1/users/{id}/password-reset`: send a password reset link to a user.
//!
//! Administrators see neither the link nor a password. The current password stays until a new one is chosen.
//! A user who has not accepted an invitation is invited again.

use api::{Accepted, Authorized, Body, Endpoint, Error, Path, ProblemType, Route, UseCase, UsersWrite};
use application::admin::{Administration, ReasonBody, UserPath};
use cloud::{Cloud, SettingError};
use domain::User;
use schemars::JsonSchema;
use serde::Serialize;
use store::MailLimits;

/// The name of the limit. It is separate, so requests by anonymous callers do not use it up.
const LIMIT: &str = "reset-by-administrator";

/// Sends password reset links.
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
    let identities = administration.identities();
    Endpoint::new(cloud, identities, StartPasswordReset { administration, limits: MailLimits::new(cloud)? })
}

/// The response: the mail is on its way.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Taken {
    status: &'static str,
}

impl UseCase for StartPasswordReset {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/password-reset")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::NotFound,
        ProblemType::RateLimited,
        ProblemType::UserSuspended,
        ProblemType::ValidationFailed,
    ];
    type Caller = Authorized<UsersWrite>;
    type Request = (Path<UserPath>, Body<ReasonBody>);
    type Response = Accepted<Taken>;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let (user, reason) = (user.parse()?, body.parse()?);
        let limits = self.limits.to_user(LIMIT, caller.user_id, user, &caller.head.client);
        let request = |user: &User| match user.may_reset_password() {
            true => Ok(Some(user.request_password_reset(reason.clone(), caller.context()))),
            // The link would not work.
            false if user.is_suspended() => Err(ProblemType::UserSuspended.into()),
            false => Err(ProblemType::NotFound.into()),
        };
        let action = self.administration.action(&caller).limited_by(limits);
        action.change_user(user, request, |_| Accepted(Taken { status: "reset_sent" })).await
    }
}
