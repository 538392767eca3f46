//! `GET /v1/users/{id}/events`: list the events of a user.

use api::{Authorized, Endpoint, Error, EventsRead, Json, Path, ProblemType, Query, Route, UseCase};
use application::{
    admin::UserPath,
    representations::{Cursors, List, Page},
};
use cloud::{Cloud, SettingError};
use domain::Stream;
use serde_json::value::RawValue;
use store::{History, Identities};

/// Lists the events of a user.
pub struct ReadUserHistory {
    identities: Identities,
    history: History,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUserHistory>, SettingError> {
    let identities = Identities::new(cloud)?;
    let (history, cursors) = (History::new(cloud, &identities)?, Cursors::new(cloud)?);
    Endpoint::new(cloud, identities.clone(), ReadUserHistory { identities, history, cursors })
}

impl UseCase for ReadUserHistory {
    const ROUTES: &'static [Route] = &[Route::get("/v1/users/{id}/events")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::NotFound];
    type Caller = Authorized<EventsRead>;
    type Request = (Path<UserPath>, Query<Page>);
    type Response = Json<List<Box<RawValue>>>;

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    /// Returns the events as they were published, with actor and reason, also for suspended users and users
    /// whose deletion is pending.
    async fn run(
        &self,
        caller: Self::Caller,
        (Path(user), Query(page)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let id = user.parse()?;
        let list = caller.list();
        let before = self.cursors.position(&list, page.cursor).await?;
        let (user, (items, next)) = tokio::try_join!(
            self.identities.user(id),
            self.history.newest(Stream::User(id), before, page.limit.get())
        )?;
        user.ok_or(ProblemType::NotFound)?;
        Ok(Json(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}
