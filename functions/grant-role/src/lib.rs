//! `PUT /v1/users/{id}/roles/{name}`: gives a user a role.
//!
//! Callers can give only roles whose permissions they hold, to users who hold no permission that they lack; administrators can give every
//! role, and only they can give `admin` or change a user who has it. Tokens carry the role from the user's next log-in or
//! refresh on. Giving a role that the user has already changes nothing.

use administration::{Administration, NotDone, Stated};
use api::{
    AccessGate, Body, Endpoint, NoContent, Path, Permitted, Problem, ProblemType, RolesWrite, Route, UseCase,
};
use cloud::{Cloud, SettingError};
use domain::{Authority, RoleName, TooManyRoles, User, UserId};
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

/// Gives roles.
pub struct GrantRole {
    administration: Administration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<GrantRole>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, GrantRole { administration }, receipts)
}

/// Whose role, and which.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
}

/// Why the user's roles stay as they are.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The user has as many as a user can have.
    #[error(transparent)]
    TooMany(#[from] TooManyRoles),
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

impl UseCase for GrantRole {
    const ROUTES: &'static [Route] = &[Route::put("/v1/users/{id}/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] =
        &[ProblemType::NotFound, ProblemType::ValidationFailed, ProblemType::TooManyRoles];
    type Caller = Permitted<RolesWrite>;
    type Request = (Path<Target>, Body<Stated>);
    type Response = NoContent;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        (Path(target), Body(stated)): (Path<Target>, Body<Stated>),
    ) -> Result<NoContent, Refusal> {
        let (user_id, name) = target.parse()?;
        let reason = stated.parse()?;
        let act = self.administration.act(&caller);
        let give = |authority: &Authority, user: &User| {
            authority.roles().get(&name).ok_or(NotDone::NotFound)?;
            Ok(user.grant_role(&name, Some(reason.clone()), act.cause())?)
        };
        act.change_roles((user_id, &name), give).await
    }
}

impl Target {
    fn parse(&self) -> Result<(UserId, RoleName), NotDone> {
        let id = self.id.parse().map_err(|_| NotDone::NotFound)?;
        Ok((id, RoleName::parse(&self.name).map_err(|_| NotDone::NotFound)?))
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::TooMany(_) => Self::of(ProblemType::TooManyRoles),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
