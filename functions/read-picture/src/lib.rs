//! `GET /v1/pictures/{user_id}/{picture_id}`: shows a user's picture to everybody who knows its path.

use api::{Anyone, Endpoint, Path, Picture, Problem, ProblemType, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{PictureId, Status, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Failure, Identities};
use thiserror::Error;

/// Shows pictures.
pub struct ReadPicture {
    identities: Identities,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadPicture>, SettingError> {
    Endpoint::reading(cloud, ReadPicture { identities: Identities::new(cloud)? })
}

/// Which picture to show.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    user_id: String,
    picture_id: String,
}

/// Why nothing is shown.
#[derive(Debug, Error)]
pub enum Refusal {
    /// There is no such picture (any more), or its user may not sign in.
    #[error("there is no such picture")]
    NotFound,
    /// The table failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl UseCase for ReadPicture {
    const ROUTES: &'static [Route] = &[Route::get("/v1/pictures/{user_id}/{picture_id}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Anyone;
    type Request = Path<Request>;
    type Response = Picture;
    type Refusal = Refusal;

    fn gate(&self) -> &() {
        &()
    }

    async fn run(&self, _caller: Anyone, Path(request): Path<Request>) -> Result<Picture, Refusal> {
        let user: UserId = request.user_id.parse().map_err(|_| Refusal::NotFound)?;
        let picture: PictureId = request.picture_id.parse().map_err(|_| Refusal::NotFound)?;
        let (user, octets) =
            tokio::try_join!(self.identities.user(user), self.identities.picture(user, picture))?;
        let is_shown = user.is_some_and(|user| user.status == Status::Active);
        octets.filter(|_| is_shown).map(Picture).ok_or(Refusal::NotFound)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::of(ProblemType::NotFound),
            Refusal::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
