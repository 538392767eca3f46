//! `PUT /v1/users/{id}/roles/{name}`: grant a role to a user.
//!
//! Callers can grant only roles whose permissions they hold, and only to users who hold no permission that
//! they lack. Administrators can grant every role. Only administrators can grant `admin`, or change a user
//! who has it. Tokens carry the role from the user's next log-in or refresh. Granting a role that the user
//! already has changes nothing.

use api::{Authorized, Body, Endpoint, Error, NoContent, Path, ProblemType, RolesWrite, Route, UseCase};
use application::admin::{Administration, ReasonBody, UserRolePath};
use cloud::{Cloud, SettingError};
use domain::{Authority, User};

/// Grants roles.
pub struct GrantRole(Administration);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<GrantRole>, SettingError> {
    let administration = Administration::new(cloud)?;
    Endpoint::new(cloud, administration.identities(), GrantRole(administration))
}

impl UseCase for GrantRole {
    const ROUTES: &'static [Route] = &[Route::put("/v1/users/{id}/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::TooManyRoles];
    type Caller = Authorized<RolesWrite>;
    type Request = (Path<UserRolePath>, Body<ReasonBody>);
    type Response = NoContent;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(path), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let ((user, role), reason) = (path.parse()?, body.parse()?);
        let give = |authority: &Authority, user: &User| {
            authority.roles().get(&role).ok_or(ProblemType::NotFound)?;
            let given = user.grant_role(&role, Some(reason.clone()), caller.context());
            given.map_err(|_| ProblemType::TooManyRoles.into())
        };
        self.0.action(&caller).change_roles(user, &role, give).await
    }
}
