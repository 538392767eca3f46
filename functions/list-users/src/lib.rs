//! `GET /v1/users`: shows the users that an administrator looks for.
//!
//! The list lags behind changes for a moment: whoever has just been created, suspended or given a role may be
//! missing. What is shown of a user is as of now.

mod request;

use api::{
    AccessGate, CursorRefused, Cursors, Endpoint, FieldProblem, List, Permitted, Problem, ProblemType,
    Profile, Query, Route, Shown, UseCase, UsersRead,
};
use cloud::{Cloud, SecretUnavailable, SettingError};
use store::{Failure, Identities};
use thiserror::Error;

pub use crate::request::Request;

/// Shows users.
pub struct ListUsers {
    identities: Identities,
    gate: AccessGate,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ListUsers>, SettingError> {
    let identities = Identities::new(cloud)?;
    let gate = AccessGate::new(cloud, &identities)?;
    Endpoint::reading(cloud, ListUsers { identities, gate, cursors: Cursors::new(cloud)? })
}

/// Why no users are shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some parameters are not acceptable: all of them, at once.
    #[error("some parameters are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The cursor leads nowhere.
    #[error(transparent)]
    NoPage(#[from] CursorRefused),
    /// The cursor to the next page could not be made.
    #[error("no keys")]
    NoKeys(#[from] SecretUnavailable),
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ListUsers {
    const ROUTES: &'static [Route] = &[Route::get("/v1/users")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::ValidationFailed];
    type Caller = Permitted<UsersRead>;
    type Request = Query<Request>;
    type Response = Shown<List<Profile>>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        &self.gate
    }

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    async fn run(
        &self,
        caller: Permitted<UsersRead>,
        Query(request): Query<Request>,
    ) -> Result<Shown<List<Profile>>, Refusal> {
        let (filter, order, page) = request.parse().map_err(Refusal::Unacceptable)?;
        // Another search is another list.
        let list = format!("{} {filter:?} {order:?}", caller.list());
        let after = self.cursors.position(&list, page.cursor).await?;
        let (users, next) = self.identities.find_users(&filter, order, after, page.limit.get()).await?;
        let items = users.into_iter().map(Profile::from).collect();
        Ok(Shown(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::NoPage(refused) => refused.into(),
            Refusal::NoKeys(_) => Self::unavailable(),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
