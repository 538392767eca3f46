//! `GET /v1/me/events`: shows what happened to the user who is signed in.

use api::{
    AccessGate, CursorRefused, Cursors, Endpoint, List, Page, Problem, ProblemType, Query, Route, Shown,
    SignedIn, UseCase,
};
use cloud::{Cloud, SecretUnavailable, SettingError};
use domain::Stream;
use serde_json::value::RawValue;
use store::{Failure, History, Identities};
use thiserror::Error;

/// Shows histories.
pub struct ReadHistory {
    history: History,
    gate: AccessGate,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadHistory>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    let (history, cursors) = (History::new(cloud, &identities)?, Cursors::new(cloud)?);
    Endpoint::reading(cloud, ReadHistory { history, gate, cursors })
}

/// Why no history is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The cursor leads nowhere.
    #[error(transparent)]
    NoPage(#[from] CursorRefused),
    /// The cursor to the next page could not be made.
    #[error("no keys")]
    NoKeys(#[from] SecretUnavailable),
    /// The tables failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ReadHistory {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/events")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::InvalidToken];
    type Caller = SignedIn;
    type Request = Query<Page>;
    type Response = Shown<List<Box<RawValue>>>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    /// As they were published: that is all there is of them, and holds nothing that is secret.
    async fn run(
        &self,
        caller: SignedIn,
        Query(page): Query<Page>,
    ) -> Result<Shown<List<Box<RawValue>>>, Refusal> {
        let list = caller.list();
        let before = self.cursors.position(&list, page.cursor).await?;
        let (items, next) =
            self.history.newest(Stream::User(caller.user_id), before, page.limit.get()).await?;
        Ok(Shown(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NoPage(refused) => refused.into(),
            Refusal::NoKeys(_) => Self::unavailable(),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
