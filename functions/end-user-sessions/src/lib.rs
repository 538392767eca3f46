//! `POST /v1/users/{id}/end-sessions`: ends every session of a user, who may log in again.
//!
//! It works on a user who asked for their deletion as well.

use administration::{Administration, NotDone, Stated, Whom};
use api::{AccessGate, Body, Endpoint, NoContent, Path, Permitted, ProblemType, Route, UseCase, UsersWrite};
use cloud::{Cloud, SettingError};
use domain::User;

/// Ends the sessions of others.
pub struct EndUserSessions {
    administration: Administration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<EndUserSessions>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, EndUserSessions { administration }, receipts)
}

impl UseCase for EndUserSessions {
    const ROUTES: &'static [Route] = &[Route::post("/v1/users/{id}/end-sessions")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::VersionConflict];
    type Caller = Permitted<UsersWrite>;
    type Request = (Path<Whom>, Body<Stated>);
    type Response = NoContent;
    type Refusal = NotDone;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<UsersWrite>,
        (Path(whom), Body(stated)): (Path<Whom>, Body<Stated>),
    ) -> Result<NoContent, NotDone> {
        let (user_id, reason) = (whom.parse()?, stated.parse()?);
        let act = self.administration.act(&caller);
        let sign_out = |user: &User| Ok(Some(user.sign_out(reason.clone(), act.cause())));
        act.change_user(user_id, sign_out, |_| NoContent).await
    }
}
