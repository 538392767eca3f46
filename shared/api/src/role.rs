//! Roles in responses and in paths.

use std::collections::BTreeSet;

use domain::{InvalidRoleName, Permission, Role, RoleName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::WithEtag;

/// A role in a response.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Role")]
pub struct ShownRole {
    #[schemars(with = "String")]
    name: RoleName,
    /// The permissions, such as `users:read`.
    #[schemars(with = "BTreeSet<String>")]
    permissions: BTreeSet<Permission>,
    /// Whether the role is built in and cannot be changed.
    built_in: bool,
}

/// The role in the path.
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
