//! `DELETE /v1/me/sessions`: ends every session of the user but the one of the access token.

use api::{
    AccessGate, Endpoint, NoContent, NotAdmitted, Nothing, Problem, ProblemType, Receipts, Route, SignedIn,
    UseCase,
};
use cloud::{Clock, Cloud, Random, SettingError};
use store::{Failure, Store};
use thiserror::Error;

/// Ends sessions.
pub struct EndOtherSessions {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<EndOtherSessions>, SettingError> {
    let store = Store::new(cloud)?;
    let gate = AccessGate::new(cloud, store.identities())?;
    let receipts = Receipts::new(cloud, store.identities());
    let (clock, random) = (cloud.clock(), cloud.random());
    Endpoint::changing(cloud, EndOtherSessions { store, gate, clock, random }, receipts)
}

/// Why no session was ended.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The session of the access token has ended itself, and the token has not died yet.
    #[error("the session has ended")]
    Ended,
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// The tables failed.
    #[error("not stored")]
    NotStored(#[from] Failure),
}

impl UseCase for EndOtherSessions {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/me/sessions")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken];
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
        let store = self.store.answering(caller.receipt(&NoContent));
        let user = || async { Ok::<_, Refusal>(caller.user().await?) };
        let kept = store.end_other_sessions(user, caller.session_id, &cause).await?;
        if kept { Ok(NoContent) } else { Err(Refusal::Ended) }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Ended => Self::of(ProblemType::InvalidToken),
            Refusal::NotAdmitted(refused) => refused.into(),
            Refusal::NotStored(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
