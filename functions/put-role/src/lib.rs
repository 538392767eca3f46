//! `PUT /v1/roles/{name}`: says what a role permits, and makes it if it is not there.
//!
//! Whoever has the role may do that from their next log-in or refresh on. Nobody can add or remove a permission that
//! they do not have themselves; administrators can do it with all. The name of a role that was deleted cannot
//! be used again.

use std::collections::BTreeSet;

use administration::{Administration, NotDone};
use api::{
    AccessGate, Body, Endpoint, FieldProblem, Path, Permitted, Problem, ProblemType, RolesWrite, Route,
    ShownRole, UseCase, Versioned,
};
use cloud::{Cloud, SettingError};
use domain::{Authority, InvalidRoleName, NoAuthority, Permission, Role, RoleName};
use schemars::JsonSchema;
use serde::Deserialize;
use thiserror::Error;

/// Changes roles.
pub struct PutRole {
    administration: Administration,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<PutRole>, SettingError> {
    let administration = Administration::new(cloud)?;
    let receipts = administration.receipts(cloud);
    Endpoint::changing(cloud, PutRole { administration }, receipts)
}

/// Which role.
#[derive(Deserialize, JsonSchema)]
pub struct Target {
    name: String,
}

/// What it permits.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// 100 at most, such as `orders:refund`.
    permissions: Vec<String>,
}

/// More than a role can have.
#[derive(Debug, Error)]
#[error("must be 100 at most")]
struct TooMany;

/// Why the role stays as it is.
#[derive(Debug, Error)]
pub enum Refusal {
    /// Some fields are not acceptable.
    #[error("some fields are not acceptable")]
    Unacceptable(Vec<FieldProblem>),
    /// The role is built in.
    #[error("the role is built in")]
    BuiltIn,
    /// The name was that of a role.
    #[error("a role of this name was deleted")]
    Deleted,
    /// It cannot be done.
    #[error(transparent)]
    NotDone(#[from] NotDone),
}

impl UseCase for PutRole {
    const ROUTES: &'static [Route] = &[Route::put("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::ValidationFailed,
        ProblemType::RoleBuiltIn,
        ProblemType::RoleDeleted,
        ProblemType::VersionConflict,
    ];
    type Caller = Permitted<RolesWrite>;
    type Request = (Path<Target>, Body<Request>);
    type Response = Versioned<ShownRole>;
    type Refusal = Refusal;

    fn gate(&self) -> &AccessGate {
        self.administration.gate()
    }

    async fn run(
        &self,
        caller: Permitted<RolesWrite>,
        (Path(target), Body(request)): (Path<Target>, Body<Request>),
    ) -> Result<Versioned<ShownRole>, Refusal> {
        let name = RoleName::parse(&target.name)?;
        let permissions = request.parse().map_err(Refusal::Unacceptable)?;
        let act = self.administration.act(&caller);
        let define = |authority: &Authority| {
            if authority.roles().had(&name) {
                return Err(Refusal::Deleted);
            }
            let role = authority.roles().get(&name).cloned();
            let before = role.unwrap_or_else(|| Role::undefined(name.clone()));
            if before.is_built_in() {
                return Err(Refusal::BuiltIn);
            }
            if !caller.head.is_for_version(before.version) {
                return Err(NotDone::Changed.into());
            }
            if !authority.may_define(&before, &permissions) {
                return Err(NotDone::from(NoAuthority::Forbidden).into());
            }
            let change = before.change(permissions.clone(), act.cause());
            Ok((before, change))
        };
        act.change_role(define, shown).await
    }
}

fn shown(role: &Role) -> Versioned<ShownRole> {
    Versioned { version: role.version, content: role.into() }
}

impl Request {
    fn parse(self) -> Result<BTreeSet<Permission>, Vec<FieldProblem>> {
        let code = ProblemType::ValidationFailed.slug();
        if self.permissions.len() > Role::MAX_PERMISSIONS {
            return Err(vec![FieldProblem::new("/permissions", code, &TooMany)]);
        }
        let (mut permissions, mut wrong) = (BTreeSet::new(), Vec::new());
        for (at, text) in self.permissions.iter().enumerate() {
            match Permission::parse(text) {
                Ok(permission) => drop(permissions.insert(permission)),
                Err(error) => wrong.push(FieldProblem::new(&format!("/permissions/{at}"), code, &error)),
            }
        }
        if wrong.is_empty() { Ok(permissions) } else { Err(wrong) }
    }
}

impl From<InvalidRoleName> for Refusal {
    fn from(error: InvalidRoleName) -> Self {
        Self::Unacceptable(vec![FieldProblem::new("/name", ProblemType::ValidationFailed.slug(), &error)])
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unacceptable(fields) => Self::fields(fields),
            Refusal::BuiltIn => Self::of(ProblemType::RoleBuiltIn),
            Refusal::Deleted => Self::of(ProblemType::RoleDeleted),
            Refusal::NotDone(not_done) => not_done.into(),
        }
    }
}
