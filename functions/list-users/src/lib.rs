//! `GET /v1/users`: list users, filtered and sorted.
//!
//! The list is eventually consistent: a user who has just been created, suspended or granted a role may be
//! missing. The data of each listed user is current.

mod request;

use api::{Authorized, Endpoint, Error, Json, ProblemType, Query, Route, UseCase, UsersRead};
use application::representations::{Cursors, List, Profile};
use cloud::{Cloud, SettingError};
use store::Identities;

pub use crate::request::Request;

/// Lists users.
pub struct ListUsers {
    identities: Identities,
    cursors: Cursors,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ListUsers>, SettingError> {
    let identities = Identities::new(cloud)?;
    Endpoint::new(cloud, identities.clone(), ListUsers { identities, cursors: Cursors::new(cloud)? })
}

impl UseCase for ListUsers {
    const ROUTES: &'static [Route] = &[Route::get("/v1/users")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidCursor, ProblemType::ValidationFailed];
    type Caller = Authorized<UsersRead>;
    type Request = Query<Request>;
    type Response = Json<List<Profile>>;

    async fn warm(&self) {
        self.cursors.warm().await;
    }

    async fn run(
        &self,
        caller: Self::Caller,
        Query(request): Self::Request,
    ) -> Result<Self::Response, Error> {
        let (filter, order, page) = request.parse()?;
        // A cursor belongs to one search.
        let list = format!("{} {filter:?} {order:?}", caller.list());
        let after = self.cursors.position(&list, page.cursor).await?;
        let (users, next) = self.identities.find_users(&filter, order, after, page.limit.get()).await?;
        let items = users.into_iter().map(Profile::from).collect();
        Ok(Json(List { items, next_cursor: self.cursors.after(&list, next).await? }))
    }
}
