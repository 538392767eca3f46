//! `DELETE /v1/sessions/current`: ends the session that the access token belongs to.

use api::{
    AccessGate, Endpoint, NoContent, NotAdmitted, Nothing, Problem, ProblemType, Receipts, Route, SignedIn,
    UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::{EndedSession, SessionEnd};
use store::{Failure, Store};
use thiserror::Error;

/// Ends sessions.
pub struct LogOut {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<LogOut>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities())?;
    let receipts = Receipts::new(cloud, store.identities());
    let log_out = LogOut { store, gate, clock: cloud.clock(), random: cloud.random() };
    Endpoint::changing(cloud, log_out, receipts)
}

/// Why the session could not be ended.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for LogOut {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/sessions/current")];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = SignedIn;
    type Request = Nothing;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn run(&self, caller: SignedIn, _: Nothing) -> Result<NoContent, Refusal> {
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        let store = self.store.answering(caller.last_receipt(&NoContent));
        let user = || async { Ok::<_, Refusal>(caller.user().await?) };
        let ended = EndedSession::by_user(caller.session_id, SessionEnd::LoggedOut);
        store.end_session(user, ended, &cause).await?;
        Ok(NoContent)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
