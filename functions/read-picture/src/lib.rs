//! `GET /v1/pictures/{user_id}/{picture_id}`: read a user's picture, which is public.

use api::{Anonymous, Endpoint, Error, Path, Picture, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{PictureId, Status, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use store::Identities;

/// Returns pictures.
pub struct ReadPicture(Identities);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadPicture>, SettingError> {
    Endpoint::public(cloud, ReadPicture(Identities::new(cloud)?))
}

/// The picture to return.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    user_id: String,
    picture_id: String,
}

impl UseCase for ReadPicture {
    const ROUTES: &'static [Route] = &[Route::get("/v1/pictures/{user_id}/{picture_id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Anonymous;
    type Request = Path<Request>;
    type Response = Picture;

    async fn run(&self, _: Self::Caller, Path(request): Self::Request) -> Result<Self::Response, Error> {
        let user: UserId = request.user_id.parse().map_err(|_| ProblemType::NotFound)?;
        let picture: PictureId = request.picture_id.parse().map_err(|_| ProblemType::NotFound)?;
        let (user, octets) = tokio::try_join!(self.0.user(user), self.0.picture(user, picture))?;
        let is_shown = user.is_some_and(|user| user.status == Status::Active);
        Ok(octets.filter(|_| is_shown).map(Picture).ok_or(ProblemType::NotFound)?)
    }
}
