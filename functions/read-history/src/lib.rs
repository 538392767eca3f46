//! `GET /v1/me/events`: list the events of my account.

use api::{Authenticated, Endpoint, Error, Json, ProblemType, Query, Route, UseCase};
use application::representations::{Cursors, List, Page, attributes_schema};
use cloud::{Cloud, SettingError};
use domain::AttributesSchema;
use serde_json::value::RawValue;
use store::{History, Identities};

/// Lists the events of the caller.
pub struct ReadHistory {
    history: History,
    schema: AttributesSchema,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadHistory>, SettingError> {
    let identities = Identities::new(cloud)?;
    let schema = attributes_schema(cloud)?;
    let (history, cursors) = (History::new(cloud, &identities)?, Cursors::new(cloud)?);
    Endpoint::new(cloud, identities, ReadHistory { history, schema, cursors })
}

impl UseCase for ReadHistory {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me/events")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::InvalidToken];
    type Caller = Authenticated;
    type Request = Query<Page>;
    type Response = Json<List<Box<RawValue>>>;

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    /// Returns the events as they were published, without the attributes that only administrators may read.
    async fn run(&self, caller: Self::Caller, Query(page): Self::Request) -> Result<Self::Response, Error> {
        let list = caller.list();
        let before = self.cursors.position(&list, page.cursor).await?;
        let (user, limit) = (caller.user_id, page.limit.get());
        let (items, next) = self.history.newest_for_user(user, before, limit, &self.schema).await?;
        Ok(Json(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}
