//! `PUT /v1/roles/{name}`: create a role, or replace its permissions.
//!
//! Users who have the role get the new permissions at their next log-in or refresh. Callers can add and
//! remove only permissions that they hold; administrators can change all. The name of a deleted role cannot
//! be used again.

use std::collections::BTreeSet;

use api::{
    Authorized, Body, Endpoint, Error, FieldProblem, Path, ProblemType, RolesWrite, Route, UseCase, WithEtag,
};
use application::{
    admin::{Administration, RolePath},
    representations::ShownRole,
};
use cloud::{Cloud, SettingError};
use domain::{Authority, Permission, Role};
use schemars::JsonSchema;
use serde::Deserialize;

/// Creates and changes roles.
pub struct PutRole(Administration);

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<PutRole>, SettingError> {
    let administration = Administration::new(cloud)?;
    Endpoint::new(cloud, administration.identities(), PutRole(administration))
}

/// The permissions of the role.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// At most 100, such as `orders:refund`.
    permissions: Vec<String>,
}

/// The role would have too many permissions.
#[derive(Debug, thiserror::Error)]
#[error("must be 100 at most")]
struct TooMany;

impl UseCase for PutRole {
    const ROUTES: &'static [Route] = &[Route::put("/v1/roles/{name}")];
    const PROBLEMS: &'static [ProblemType] = &[
        ProblemType::ValidationFailed,
        ProblemType::RoleBuiltIn,
        ProblemType::RoleDeleted,
        ProblemType::VersionConflict,
    ];
    type Caller = Authorized<RolesWrite>;
    type Request = (Path<RolePath>, Body<Request>);
    type Response = WithEtag<ShownRole>;

    async fn run(
        &self,
        caller: Self::Caller,
        (Path(path), Body(request)): Self::Request,
    ) -> Result<Self::Response, Error> {
        let code = ProblemType::ValidationFailed.slug();
        let name = path.parse().map_err(|error| Error::field("/name", code, &error))?;
        let permissions = request.parse()?;
        let define = |authority: &Authority, role: &Role| {
            if authority.roles().had(&name) {
                return Err(ProblemType::RoleDeleted.into());
            }
            if role.is_built_in() {
                return Err(ProblemType::RoleBuiltIn.into());
            }
            caller.head.require_version(role.version)?;
            if !authority.may_define(role, &permissions) {
                return Err(ProblemType::Forbidden.into());
            }
            Ok(role.change(permissions.clone(), caller.context()))
        };
        self.0.action(&caller).change_role(&name, define, ShownRole::with_etag).await
    }
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
