//! `GET /v1/me/events`: shows what happened to the user who is signed in.

use api::{
    AccessGate, CursorRefused, Cursors, Endpoint, List, Page, Problem, ProblemType, Query, Route, Shown,
    SignedIn, UseCase,
};
use cloud::{Cloud, SecretUnavailable, SettingError};
use domain::AttributesSchema;
use serde_json::value::RawValue;
use store::{Failure, History, Identities};
use thiserror::Error;

/// Shows histories.
pub struct ReadHistory {
    history: History,
    gate: AccessGate,
    schema: AttributesSchema,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadHistory>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    let schema = api::attributes_schema(cloud)?;
    let (history, cursors) = (History::new(cloud, &identities)?, Cursors::new(cloud)?);
    Endpoint::reading(cloud, ReadHistory { history, gate, schema, cursors })
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

    /// Shows the events as they were published, which is all there is of them, but for the attributes that only
    /// administrators read.
    async fn run(
        &self,
        caller: SignedIn,
        Query(page): Query<Page>,
    ) -> Result<Shown<List<Box<RawValue>>>, Refusal> {
        let list = caller.list();
        let before = self.cursors.position(&list, page.cursor).await?;
        let (user, limit) = (caller.user_id, page.limit.get());
        let (items, next) = self.history.newest_for_user(user, before, limit, &self.schema).await?;
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
