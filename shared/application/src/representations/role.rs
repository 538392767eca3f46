//! Roles in responses.

use std::collections::BTreeSet;

use api::WithEtag;
use domain::{Permission, Role, RoleName};
use schemars::JsonSchema;
use serde::Serialize;

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

impl From<&Role> for ShownRole {
    fn from(role: &Role) -> Self {
        Self { name: role.name.clone(), permissions: role.permissions.clone(), built_in: role.is_built_in() }
    }
}

impl ShownRole {
    /// Returns the role with its version.
    #[must_use]
    pub fn with_etag(role: &Role) -> WithEtag<Self> {
        WithEtag { version: role.version, content: role.into() }
    }
}
