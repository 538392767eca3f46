//! `DELETE /v1/users/{id}/roles/{name}`: revoke a role of a user.
//!
//! Callers can revoke roles only of users who hold no permission that they lack. Administrators can revoke
//! every role. Only administrators can revoke `admin`, or change a user who has it. The last administrator
//! keeps the role. Gatepost's own routes check the current roles. Tokens lack the role from the user's next
//! log-in or refresh. A deployment can end the user's sessions as well.

use api::{Authorized, Body, Endpoint, Error, NoContent, Path, ProblemType, RolesWrite, Route, UseCase};
use application::admin::{Administration, ReasonBody, UserRolePath};
use cloud::{Cloud, SettingError};
use domain::{Authority, User};

/// Revokes roles.
pub struct RevokeRole {
    administration: Administration,
    ending_sessions: bool,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RevokeRole>, SettingError> {
    let ending_sessions = cloud.settings().parsed("END_SESSIONS_ON_REVOCATION")?;
    let administration = Administration::new(cloud)?;
    Endpoint::new(cloud, administration.identities(), RevokeRole { administration, ending_sessions })
}

impl UseCase for RevokeRole {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/users/{id}/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::LastAdministrator];
    type Caller = Authorized<RolesWrite>;
    type Request = (Path<UserRolePath>, Body<ReasonBody>);
    type Response = NoContent;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(path), Body(body)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let ((user, role), reason) = (path.parse()?, body.parse()?);
        let take = |_: &Authority, user: &User| {
            Ok(user.revoke_role(&role, self.ending_sessions, Some(reason.clone()), caller.context()))
        };
        self.administration.action(&caller).change_roles(user, &role, take).await
    }
}
