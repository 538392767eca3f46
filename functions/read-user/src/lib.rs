//! `GET /v1/users/{id}`: read a user.

use api::{Authorized, Endpoint, Error, Path, ProblemType, Route, UseCase, UsersRead, WithEtag};
use application::representations::Profile;
use cloud::{Cloud, SettingError};
use schemars::JsonSchema;
use serde::Deserialize;
use store::Identities;

/// Returns users.
pub struct ReadUser(Identities);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUser>, SettingError> {
    let identities = Identities::new(cloud)?;
    Endpoint::new(cloud, identities.clone(), ReadUser(identities))
}

/// The user to return.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    id: String,
}

impl UseCase for ReadUser {
    const ROUTES: &'static [Route] = &[Route::get("/v1/users/{id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Authorized<UsersRead>;
    type Request = Path<Request>;
    type Response = WithEtag<Profile>;

    async fn run(&self, _: Self::Caller, Path(request): Self::Request) -> Result<Self::Response, Error> {
        let id = request.id.parse().map_err(|_| ProblemType::NotFound)?;
        Ok(Profile::with_etag(self.0.user(id).await?.ok_or(ProblemType::NotFound)?))
    }
}
