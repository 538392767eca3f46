//! `DELETE /v1/users/{id}/roles/{name}`: takes a role from a user.
//!
//! Callers can take roles only from users who hold no permission that they lack; administrators can take every role, and
//! only they can take `admin` or change a user who has it. The last administrator keeps the role. Gatepost's own routes
//! refuse the former holder immediately, while tokens lack the role from the next log-in or refresh on. A deployment
//! may end the user's sessions as well.

use administration::{Administration, NotDone, Stated};
use api::{AccessGate, Body, Endpoint, NoContent, Path, Permitted, ProblemType, RolesWrite, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{Authority, RoleName, User, UserId};
use schemars::JsonSchema;
use serde::Deserialize;

/// Takes roles.
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
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, RevokeRole { administration, ending_sessions }, receipts)
}

/// Whose role, and which.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
}

impl UseCase for RevokeRole {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/users/{id}/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::LastAdministrator];
    type Caller = Permitted<RolesWrite>;
    type Request = (Path<Target>, Body<Stated>);
    type Response = NoContent;
    type Refusal = NotDone;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        (Path(target), Body(stated)): (Path<Target>, Body<Stated>),
    ) -> Result<NoContent, NotDone> {
        let (user_id, name) = target.parse()?;
        let reason = stated.parse()?;
        let act = self.administration.act(&caller);
        let take = |_: &Authority, user: &User| {
            Ok(user.revoke_role(&name, self.ending_sessions, Some(reason.clone()), act.cause()))
        };
        act.change_roles((user_id, &name), take).await
    }
}

impl Target {
    fn parse(&self) -> Result<(UserId, RoleName), NotDone> {
        let id = self.id.parse().map_err(|_| NotDone::NotFound)?;
        Ok((id, RoleName::parse(&self.name).map_err(|_| NotDone::NotFound)?))
    }
}
