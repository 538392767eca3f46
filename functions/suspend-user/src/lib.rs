//! `POST /v1/users/{id}/suspend`: keeps a user from signing in, and ends every session.
//!
//! Callers cannot suspend a user who holds a permission that they lack, nor the last administrator; only an administrator can
//! suspend another one. The user is told by mail, and at log-in if the password is right. Only `reactivate-user` lets them
//! sign in again. The erasure of a user who asked for it keeps its date, and logging in no longer cancels it.

use administration::{Administration, NotDone, Stated, Whom};
use api::{
    AccessGate, Body, Endpoint, Path, Permitted, ProblemType, Profile, Route, UseCase, UsersWrite, Versioned,
};
use cloud::{Cloud, SettingError};
use domain::User;

/// Suspends users.
pub struct SuspendUser {
    administration: Administration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<SuspendUser>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, SuspendUser { administration }, receipts)
}

impl UseCase for SuspendUser {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/suspend")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::NotFound,
        ProblemType::ValidationFailed,
        ProblemType::LastAdministrator,
        ProblemType::VersionConflict,
    ];
    type Caller = Permitted<UsersWrite>;
    type Request = (Path<Whom>, Body<Stated>);
    type Response = Versioned<Profile>;
    type Refusal = NotDone;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(stated)): (Path<Whom>, Body<Stated>),
    ) -> Result<Versioned<Profile>, NotDone> {
        let (user_id, reason) = (whom.parse()?, stated.parse()?);
        let act = self.administration.act(&caller);
        let suspend = |user: &User| Ok(user.suspend(reason.clone(), act.cause()));
        act.change_user(user_id, suspend, |user| user.clone().into()).await
    }
}
