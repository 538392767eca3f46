//! `DELETE /v1/roles/{name}`: delete a role, even if users have it.
//!
//! Users lose its permissions at their next log-in or refresh. The name cannot be used again, so a later role
//! cannot reach the users of the deleted one.

use api::{Authorized, Endpoint, Error, NoContent, Path, ProblemType, RolesWrite, Route, UseCase};
use application::admin::{Administration, RolePath};
use cloud::{Cloud, SettingError};
use domain::{Authority, Role};

/// Deletes roles.
pub struct DeleteRole(Administration);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<DeleteRole>, SettingError> {
    let administration = Administration::new(cloud)?;
    Endpoint::new(cloud, administration.identities(), DeleteRole(administration))
}

impl UseCase for DeleteRole {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound, ProblemType::RoleBuiltIn];
    type Caller = Authorized<RolesWrite>;
    type Request = Path<RolePath>;
    type Response = NoContent;

    async fn run(&self, caller: Self::Caller, Path(path): Self::Request) -> Result<Self::Response, Error> {
        let name = path.parse().map_err(|_| ProblemType::NotFound)?;
        let delete = |authority: &Authority, role: &Role| {
            authority.roles().get(&name).ok_or(ProblemType::NotFound)?;
            if role.is_built_in() {
                return Err(ProblemType::RoleBuiltIn.into());
            }
            if !authority.may_give_role(role) {
                return Err(ProblemType::Forbidden.into());
            }
            Ok(Some(role.delete(caller.context())))
        };
        self.0.action(&caller).change_role(&name, delete, |_| NoContent).await
    }
}
