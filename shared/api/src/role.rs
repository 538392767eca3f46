//! A role, as it is shown.

use std::collections::BTreeSet;

use domain::{Permission, Role, RoleName};
use schemars::JsonSchema;
use serde::Serialize;

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

impl From<&Role> for ShownRole {
    fn from(role: &Role) -> Self {
        Self { name: role.name.clone(), permissions: role.permissions.clone(), built_in: role.is_built_in() }
    }
}
