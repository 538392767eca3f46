//! `DELETE /v1/me/sessions/{id}`: end one of the user's sessions.

use api::{Authenticated, Endpoint, Error, NoContent, Path, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{EndedSession, SessionEnd};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{CommitError, SessionEnded, Store, retry_on_conflict};

/// Ends one session of the caller.
pub struct EndSession(Store);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<EndSession>, SettingError> {
    let store = Store::new(cloud)?;
    Endpoint::new(cloud, store.identities().clone(), EndSession(store))
}

/// The session to end.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    id: String,
}

impl UseCase for EndSession {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me/sessions/{id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Authenticated;
    type Request = Path<Request>;
    type Response = NoContent;

    /// Sessions that have ended, never existed or belong to another user get the same response.
    async fn run(&self, caller: Self::Caller, Path(request): Self::Request) -> Result<Self::Response, Error> {
        let session = request.id.parse().map_err(|_| ProblemType::NotFound)?;
        let ended = EndedSession::by_user(session, SessionEnd::EndedByUser);
        retry_on_conflict(|_| async {
            let end = caller.user().await?.end_session(ended, caller.context());
            let is_own = session == caller.session_id;
            let receipt = if is_own { caller.last_receipt(&NoContent) } else { caller.receipt(&NoContent) };
            match self.0.answering(receipt).end_session(&end, session).await {
                Err(CommitError::Rejected(SessionEnded)) => Err(ProblemType::NotFound.into()),
                committed => Ok(committed.map(|()| NoContent)?),
            }
        })
        .await
    }
}
