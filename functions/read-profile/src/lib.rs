//! `GET /v1/me`: read my profile.

use api::{Authenticated, Endpoint, Error, Nothing, ProblemType, Route, UseCase, WithEtag};
use application::representations::{Profile, attributes_schema};
use cloud::{Cloud, SettingError};
use domain::AttributesSchema;
use store::Identities;

/// Returns the profile of the caller.
pub struct ReadProfile(AttributesSchema);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadProfile>, SettingError> {
    Endpoint::new(cloud, Identities::new(cloud)?, ReadProfile(attributes_schema(cloud)?))
}

impl UseCase for ReadProfile {
    const ROUTES: &'static [Route] = &[Route::get("/v1/me")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken];
    type Caller = Authenticated;
    type Request = Nothing;
    type Response = WithEtag<Profile>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        Ok(Profile::with_etag_for_owner(&caller.user().await?, &self.0))
    }
}
