//! Roles in responses and in paths.

use std::collections::BTreeSet;

use domain::{InvalidRoleName, Permission, Role, RoleName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WithEtag;

/// A role, as it is shown.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Role")]
pub struct ShownRole {
    #[schemars(with = "String")]
    name: RoleName,
    /// What it permits, such as `users:read`.
    #[schemars(with = "BTreeSet<String>")]
    permissions: BTreeSet<Permission>,
    /// Whether it is always there, and cannot be changed.
    built_in: bool,
}

/// The role that the path names.
#[derive(Deserialize, JsonSchema)]
pub struct RolePath {
    name: String,
}

impl RolePath {
    /// Returns the name of the role.
    ///
    /// # Errors
    /// [`InvalidRoleName`].
    pub fn parse(&self) -> Result<RoleName, InvalidRoleName> {
        RoleName::parse(&self.name)
    }
}

impl From<&Role> for ShownRole {
    fn from(role: &Role) -> Self {
        Self { name: role.name.clone(), permissions: role.permissions.clone(), built_in: role.is_built_in() }
    }
}

impl From<&Role> for WithEtag<ShownRole> {
    fn from(role: &Role) -> Self {
        Self { version: role.version, content: role.into() }
    }
}
