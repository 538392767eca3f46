//! `DELETE /v1/me/sessions/{id}`: ends one of the user's sessions.

use api::{
    AccessGate, Endpoint, NoContent, NotAdmitted, Path, Problem, ProblemType, Receipts, Route, SignedIn,
    UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{EndedSession, SessionEnd, SessionId};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, Store};
use thiserror::Error;

/// Ends sessions.
pub struct EndSession {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<EndSession>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities())?;
    let receipts = Receipts::new(cloud, store.identities());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, EndSession { store, gate, clock, random }, receipts)
}

/// Which session to end.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    id: String,
}

/// Why the session could not be ended.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The user has no such session (any more).
    #[error("there is no such session")]
    NotFound,
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for EndSession {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me/sessions/{id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = SignedIn;
    type Request = Path<Request>;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    /// A session that has ended, was never there or is somebody else's: the answer is the same.
    async fn run(&self, caller: SignedIn, Path(request): Path<Request>) -> Result<NoContent, Refusal> {
        let session: SessionId = request.id.parse().map_err(|_| Refusal::NotFound)?;
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let is_own = session == caller.session_id;
        let receipt = if is_own { caller.last_receipt(&NoContent) } else { caller.receipt(&NoContent) };
        let store = self.store.answering(receipt);
        let user = || async { Ok::<_, Refusal>(caller.user().await?) };
        let ended = EndedSession::by_user(session, SessionEnd::EndedByUser);
        let has_ended = store.end_session(user, ended, &cause).await?;
        if has_ended { Ok(NoContent) } else { Err(Refusal::NotFound) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
