//! `POST /v1/users/{id}/suspend`: suspend a user and end all of their sessions.
//!
//! Callers cannot suspend a user who holds a permission that they lack, nor the last administrator. Only
//! administrators can suspend another administrator. The user gets a mail, and is told at log-in if the
//! password is right. Only `reactivate-user` lifts the suspension. If the user has requested deletion, the
//! erasure keeps its date, and logging in no longer cancels it.

use api::{Authorized, Body, Endpoint, Error, Path, ProblemType, Route, UseCase, UsersWrite, WithEtag};
use application::{
    admin::{Administration, ReasonBody, UserPath},
    representations::Profile,
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
            .change_user(user, |user| Ok(user.suspend(reason.clone(), caller.context())), Profile::with_etag)
            .await
    }
}
