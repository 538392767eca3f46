//! `POST /v1/users/{id}/end-sessions`: end every session of a user.
//!
//! The user can log in again. It also works for a user who has requested deletion.

use api::{Authorized, Body, Endpoint, Error, NoContent, Path, ProblemType, Route, UseCase, UsersWrite};
use application::admin::{Administration, ReasonBody, UserPath};
use cloud::{Cloud, SettingError};

/// Ends the sessions of another user.
pub struct EndUserSessions(Administration);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<EndUserSessions>, SettingError> {
    let administration = Administration::new(cloud)?;
    Endpoint::new(cloud, administration.identities(), EndUserSessions(administration))
}

impl UseCase for EndUserSessions {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/end-sessions")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::VersionConflict];
    type Caller = Authorized<UsersWrite>;
    type Request = (Path<UserPath>, Body<ReasonBody>);
    type Response = NoContent;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let (user, reason) = (user.parse()?, body.parse()?);
        let action = self.0.action(&caller);
        action
            .change_user(
                user,
                |user| Ok(Some(user.sign_out(reason.clone(), caller.context()))),
                |_| NoContent,
            )
            .await
    }
}
