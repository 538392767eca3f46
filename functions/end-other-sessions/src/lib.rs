//! `DELETE /v1/me/sessions`: end every session of the user except that of the access token.

use api::{Authenticated, Endpoint, Error, NoContent, Nothing, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use store::{Store, retry_on_conflict};

/// Ends the other sessions of the caller.
pub struct EndOtherSessions(Store);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<EndOtherSessions>, SettingError> {
    let store = Store::new(cloud)?;
    Endpoint::new(cloud, store.identities().clone(), EndOtherSessions(store))
}

impl UseCase for EndOtherSessions {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me/sessions")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken];
    type Caller = Authenticated;
    type Request = Nothing;
    type Response = NoContent;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let kept = caller.session_id;
        retry_on_conflict(|_| async {
            let end = caller.user().await?.end_other_sessions(kept, caller.context());
            self.0.answering(caller.receipt(&NoContent)).end_other_sessions(&end, kept).await?;
            Ok(NoContent)
        })
        .await
    }
}
