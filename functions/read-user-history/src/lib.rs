//! `GET /v1/users/{id}/events`: shows an administrator what happened to a user.

use api::{
    AccessGate, CursorRefused, Cursors, Endpoint, EventsRead, List, Page, Path, Permitted, Problem,
    ProblemType, Query, Route, Shown, UseCase,
};
use cloud::{Cloud, SecretUnavailable, SettingError};
use domain::{Stream, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{Failure, History, Identities};
use thiserror::Error;

/// Shows others' histories.
pub struct ReadUserHistory {
    identities: Identities,
    history: History,
    gate: AccessGate,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUserHistory>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    let (history, cursors) = (History::new(cloud, &identities)?, Cursors::new(cloud)?);
    Endpoint::reading(cloud, ReadUserHistory { identities, history, gate, cursors })
}

/// Whose history to show.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    #[schemars(extend("format" = "uuid"))]
    id: String,
}

/// Why no history is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such user (any more).
    #[error("there is no such user")]
    NotFound,
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

impl UseCase for ReadUserHistory {
    const ROUTES: &'static [Route] = &[Route::get("/v1/users/{id}/events")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::NotFound];
    type Caller = Permitted<EventsRead>;
    type Request = (Path<Target>, Query<Page>);
    type Response = Shown<List<Box<RawValue>>>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    /// As they were published, which says who did it and why; of a user who is suspended or is to be erased, too.
    async fn run(
        &self,
        caller: Permitted<EventsRead>,
        (Path(target), Query(page)): (Path<Target>, Query<Page>),
    ) -> Result<Shown<List<Box<RawValue>>>, Refusal> {
        let id: UserId = target.id.parse().map_err(|_| Refusal::NotFound)?;
        let list = caller.list();
        let before = self.cursors.position(&list, page.cursor).await?;
        let (user, (items, next)) = tokio::try_join!(
            self.identities.user(id),
            self.history.newest(Stream::User(id), before, page.limit.get())
        )?;
        user.ok_or(Refusal::NotFound)?;
        Ok(Shown(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::NoPage(refused) => refused.into(),
            Refusal::NoKeys(_) => Self::unavailable(),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
