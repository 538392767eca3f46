//! `DELETE /v1/sessions/current`: ends the session that the access token belongs to.

use api::{Authenticated, Endpoint, Error, NoContent, Nothing, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{EndedSession, SessionEnd};
use store::{CommitError, SessionEnded, Store, retry_on_conflict};

/// Ends the session of the caller.
pub struct LogOut(Store);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<LogOut>, SettingError> {
    let store = Store::new(cloud)?;
    Endpoint::new(cloud, store.identities().clone(), LogOut(store))
}

impl UseCase for LogOut {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/sessions/current")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Authenticated;
    type Request = Nothing;
    type Response = NoContent;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let ended = EndedSession::by_user(caller.session_id, SessionEnd::LoggedOut);
        retry_on_conflict(|_| async {
            let end = caller.user().await?.end_session(ended, caller.context());
            let commands = self.0.answering(caller.last_receipt(&NoContent));
            match commands.end_session(&end, ended.id).await {
                Err(CommitError::Rejected(SessionEnded)) => Ok(NoContent),
                committed => Ok(committed.map(|()| NoContent)?),
            }
        })
        .await
    }
}
