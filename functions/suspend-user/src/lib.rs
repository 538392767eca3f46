//! `POST /v1/users/{id}/suspend`: keeps a user from signing in, and ends every session.
//!
//! Callers cannot suspend a user who holds a permission that they lack, nor the last administrator; only an administrator can
//! suspend another one. The user is told by mail, and at log-in if the password is right. Only `reactivate-user` lets them
//! sign in again. The erasure of a user who asked for it keeps its date, and logging in no longer cancels it.

use administration::{Administration, ReasonBody};
use api::{
    Authorized, Body, Endpoint, Error, Path, ProblemType, Profile, Route, UseCase, UserPath, UsersWrite,
    WithEtag,
};
use cloud::{Cloud, SettingError};

/// Suspends users.
pub struct SuspendUser(Administration);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<SuspendUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    Endpoint::new(cloud, administration.identities(), SuspendUser(administration))
}

impl UseCase for SuspendUser {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/suspend")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::NotFound,
        ProblemType::ValidationFailed,
        ProblemType::LastAdministrator,
        ProblemType::VersionConflict,
    ];
    type Caller = Authorized<UsersWrite>;
    type Request = (Path<UserPath>, Body<ReasonBody>);
    type Response = WithEtag<Profile>;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let (user, reason) = (user.parse()?, body.parse()?);
        let action = self.0.action(&caller);
        action
            .change_user(user, |user| Ok(user.suspend(reason.clone(), caller.context())), WithEtag::from)
            .await
    }
}
