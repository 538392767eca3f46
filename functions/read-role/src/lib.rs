//! `GET /v1/roles/{name}`: read a role.

use api::{Authorized, Endpoint, Error, Path, ProblemType, RolesRead, Route, UseCase, WithEtag};
use application::{admin::RolePath, representations::ShownRole};
use cloud::{Cloud, SettingError};
use store::Identities;

/// Returns a role.
pub struct ReadRole;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadRole>, SettingError> {
    Endpoint::new(cloud, Identities::new(cloud)?, ReadRole)
}

impl UseCase for ReadRole {
    const ROUTES: &'static [Route] = &[Route::get("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound];
    type Caller = Authorized<RolesRead>;
    type Request = Path<RolePath>;
    type Response = WithEtag<ShownRole>;

    async fn run(&self, caller: Self::Caller, Path(path): Self::Request) -> Result<Self::Response, Error> {
        let name = path.parse().map_err(|_| ProblemType::NotFound)?;
        let authority = caller.authority().await?;
        Ok(ShownRole::with_etag(authority.roles().get(&name).ok_or(ProblemType::NotFound)?))
    }
}
