//! `DELETE /v1/sessions/current`: ends the session that the access token belongs to.

use api::{AccessGate, Endpoint, NoContent, Nothing, Problem, Route, SignedIn, UseCase};
use cloud::{Clock, Cloud, Random, SettingError};
use domain::SessionEnd;
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
    let identities = store.identities().clone();
    let gate = AccessGate::new(cloud, move || {
        let identities = identities.clone();
        async move { identities.public_keys().await }
    })?;
    Endpoint::new(cloud, LogOut { store, gate, clock: cloud.clock(), random: cloud.random() })
}

/// Why the session could not be ended.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for LogOut {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/sessions/current")];
    type Caller = SignedIn;
    type Request = Nothing;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    /// A session that has ended already is as ended as it can be: the answer is the same.
    async fn run(&self, caller: SignedIn, _: Nothing) -> Result<NoContent, Refusal> {
        let now = self.clock.now();
        let cause = caller.cause(self.random.id(now), now);
        self.store.end_session(caller.user_id, caller.session_id, SessionEnd::LoggedOut, &cause).await?;
        Ok(NoContent)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
