//! `DELETE /v1/roles/{name}`: deletes a role, also one that users have.
//!
//! It gives them nothing any more from their next log-in or refresh on. Its name is not used again, so that nobody gets rights by a
//! role that was another one.

use administration::{Administration, NotDone};
use api::{
    AccessGate, Endpoint, NoContent, Path, Permitted, Problem, ProblemType, RolesWrite, Route, UseCase,
};
use cloud::{Cloud, SettingError};
use domain::{Authority, NoAuthority, RoleName};
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

/// Deletes roles.
pub struct DeleteRole {
    administration: Administration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<DeleteRole>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, DeleteRole { administration }, receipts)
}

/// Which role.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    name: String,
}

/// Why the role stays.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The role is built in.
    #[error("the role is built in")]
    BuiltIn,
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

impl UseCase for DeleteRole {
    const ROUTES: &'static [Route] = &[Route::delete("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::NotFound, ProblemType::RoleBuiltIn];
    type Caller = Permitted<RolesWrite>;
    type Request = Path<Target>;
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        Path(target): Path<Target>,
    ) -> Result<NoContent, Refusal> {
        let name = RoleName::parse(&target.name).map_err(|_| NotDone::NotFound)?;
        let act = self.administration.act(&caller);
        let delete = |authority: &Authority| {
            let role = authority.roles().get(&name).ok_or(NotDone::NotFound)?;
            if role.is_built_in() {
                return Err(Refusal::BuiltIn);
            }
            if !authority.may_give_role(role) {
                return Err(NotDone::from(NoAuthority::Forbidden).into());
            }
            Ok((role.clone(), Some(role.delete(act.cause()))))
        };
        act.change_role(delete, |_| NoContent).await
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::BuiltIn => Self::of(ProblemType::RoleBuiltIn),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
