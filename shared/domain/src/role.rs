//! Roles: named sets of permissions.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::Serialize;
use thiserror::Error;

use crate::{Event, EventContext, EventKind, Stream, Timestamp, Transition, User};

/// In bytes.
const MAX_PERMISSION: usize = 64;
const MAX_ROLE_NAME: usize = 32;

/// A permission, such as `users:read`: a resource and an action. Services define their own, such as
/// `orders:refund`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Permission(String);

/// The text is not a permission.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "must be a resource and an action such as `orders:refund`, of lower-case letters, digits, `-` and `_`, 64 characters at most"
)]
pub struct InvalidPermission;

/// The name of a role.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoleName(String);

/// The text is not the name of a role.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 32 lower-case letters, digits, `-` and `_`, and begin with a letter")]
pub struct InvalidRoleName;

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// The name.
    pub name: RoleName,
    /// The permissions.
    pub permissions: BTreeSet<Permission>,
    /// The sequence of the role's last event; 0 for the built-in role.
    pub version: u64,
    /// The time of the deletion, if the role was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// All roles: the defined ones and the built-in one.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    present: BTreeMap<RoleName, Role>,
    deleted: BTreeSet<RoleName>,
}

/// The roles and permissions of a user, as in an access token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The existing roles of the user.
    pub roles: Vec<RoleName>,
    /// The permissions of these roles.
    pub permissions: BTreeSet<Permission>,
}

impl Permission {
    /// Gatepost's own permissions.
    pub const OWN: [&'static str; 5] =
        ["events:read", "roles:read", "roles:write", "users:read", "users:write"];

    /// Parses a permission, which is also a `scope-token` of RFC 6749.
    ///
    /// # Errors
    /// [`InvalidPermission`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPermission> {
        let is_fit = text.len() <= MAX_PERMISSION
            && text.split_once(':').is_some_and(|(thing, action)| is_name(thing) && is_name(action));
        if is_fit { Ok(Self(text.to_owned())) } else { Err(InvalidPermission) }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoleName {
    /// Parses a name.
    ///
    /// # Errors
    /// [`InvalidRoleName`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidRoleName> {
        if text.len() <= MAX_ROLE_NAME && is_name(text) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRoleName)
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether the text is a letter followed by letters, digits, `-` and `_`. Capitals are refused,
/// because they only look different.
fn is_name(text: &str) -> bool {
    let is_letter = |octet: &u8| octet.is_ascii_lowercase();
    let is_more = |octet: &u8| is_letter(octet) || octet.is_ascii_digit() || b"-_".contains(octet);
    text.as_bytes().split_first().is_some_and(|(first, rest)| is_letter(first) && rest.iter().all(is_more))
}

impl Role {
    /// The highest number of permissions of a role.
    pub const MAX_PERMISSIONS: usize = 100;

    /// The name of the built-in role.
    pub const ADMIN: &'static str = "admin";

    /// Returns the built-in role. It has all of Gatepost's own permissions, always exists and cannot be
    /// changed. Administrators immediately get the permissions that a new version of Gatepost adds.
    #[must_use]
    pub fn admin() -> Self {
        let permissions = Permission::OWN.map(|own| Permission(own.to_owned())).into();
        Self { permissions, ..Self::undefined(RoleName(Self::ADMIN.to_owned())) }
    }

    /// Returns a role that does not exist yet. Its first change defines it.
    #[must_use]
    pub const fn undefined(name: RoleName) -> Self {
        Self { name, permissions: BTreeSet::new(), version: 0, deleted_at: None }
    }

    /// Replaces the permissions of the role. Returns `None` if nothing changes.
    #[must_use]
    pub fn change(
        &self,
        permissions: BTreeSet<Permission>,
        context: EventContext,
    ) -> Option<Transition<Self>> {
        if self.version > 0 && self.permissions == permissions {
            return None;
        }
        let kind = EventKind::RoleChanged { permissions: permissions.clone() };
        let role = Self { permissions, version: self.version + 1, ..self.clone() };
        Some(self.change_to(role, kind, context))
    }

    /// Deletes the role, which has no permissions afterwards.
    #[must_use]
    pub fn delete(&self, context: EventContext) -> Transition<Self> {
        let (version, deleted_at) = (self.version + 1, Some(context.occurred_at));
        let deleted = Self { permissions: BTreeSet::new(), version, deleted_at, name: self.name.clone() };
        self.change_to(deleted, EventKind::RoleDeleted {}, context)
    }

    fn change_to(&self, after: Self, kind: EventKind, context: EventContext) -> Transition<Self> {
        let event = Event { stream: Stream::Role(self.name.clone()), sequence: after.version, context, kind };
        Transition { before: self.clone(), after, event }
    }

    /// Returns whether this is the built-in role.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.name.0 == Self::ADMIN
    }
}

impl Roles {
    /// Creates the set of the defined roles, the names of deleted ones, and the built-in role.
    #[must_use]
    pub fn of(defined: impl IntoIterator<Item = Role>, deleted: BTreeSet<RoleName>) -> Self {
        let all = defined.into_iter().chain([Role::admin()]);
        Self { present: all.map(|role| (role.name.clone(), role)).collect(), deleted }
    }

    /// Returns whether a role of this name was deleted.
    #[must_use]
    pub fn had(&self, name: &RoleName) -> bool {
        self.deleted.contains(name)
    }

    /// Returns all roles by name.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.present.values()
    }

    /// Returns the role of this name, if it exists.
    #[must_use]
    pub fn get(&self, name: &RoleName) -> Option<&Role> {
        self.present.get(name)
    }

    /// Returns a user's roles. Unknown names are ignored: the role was deleted, or the name comes from
    /// another system.
    pub fn of_user<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a Role> {
        user.roles.iter().filter_map(|name| self.get(&RoleName::parse(name).ok()?))
    }

    /// Returns the roles and permissions of a user.
    #[must_use]
    pub fn rights(&self, user: &User) -> Rights {
        Rights {
            roles: self.of_user(user).map(|role| role.name.clone()).collect(),
            permissions: self.of_user(user).flat_map(|role| role.permissions.clone()).collect(),
        }
    }
}

impl Rights {
    /// In bytes. With the names of 50 roles and in base64, the token stays below the 8 KB that servers accept
    /// as one header.
    const MAX_SCOPE: usize = 3072;

    /// Returns the permissions as the `scope` of a token (RFC 9068, section 2.2.3.1), and whether it has all
    /// of them. The scope is truncated so that the token fits into a header. Gatepost's own permissions are
    /// kept first, so that an administrator can still fix the roles.
    #[must_use]
    pub fn scope(&self) -> (String, bool) {
        let is_own = |permission: &&Permission| Permission::OWN.contains(&permission.as_str());
        let (own, others): (Vec<_>, Vec<_>) = self.permissions.iter().partition(is_own);
        let (mut scope, mut is_whole) = (String::new(), true);
        for permission in own.into_iter().chain(others) {
            if scope.len() + 1 + permission.0.len() > Self::MAX_SCOPE {
                is_whole = false;
                continue;
            }
            if !scope.is_empty() {
                scope.push(' ');
            }
            scope.push_str(&permission.0);
        }
        (scope, is_whole)
    }
}

impl User {
    /// Returns whether the user can act as an administrator: has the role, is active, and can sign in.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.status == crate::Status::Active && self.has_password && self.has_role(Role::ADMIN)
    }

    /// Returns whether the user has a role of this name.
    #[must_use]
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role == name)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RoleName {
    type Err = InvalidRoleName;
    fn from_str(text: &str) -> Result<Self, InvalidRoleName> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(permissions: impl IntoIterator<Item = String>) -> Rights {
        let parse = |text: String| Permission::parse(&text).expect("a permission");
        Rights { permissions: permissions.into_iter().map(parse).collect(), ..Rights::default() }
    }

    #[test]
    fn a_permission_is_a_thing_and_an_action() {
        let longest = format!("{}:{}", "a".repeat(32), "b".repeat(31));
        for taken in ["users:read", "orders:refund", "a:b", "big-orders:re_fund2", &longest] {
            assert_eq!(Permission::parse(taken).expect("a permission").as_str(), taken);
        }
        let refused =
            ["", ":", "users", "users:", ":read", "users:read:all", "Users:read", "users: read", "1:b"];
        for refused in refused.into_iter().chain([
            "users:*",
            "users:ré",
            "users:read ",
            "a b:c",
            &(longest.clone() + "b"),
        ]) {
            assert_eq!(Permission::parse(refused), Err(InvalidPermission), "{refused:?}");
        }
        for own in Permission::OWN {
            assert!(Permission::parse(own).is_ok(), "{own}");
        }
    }

    #[test]
    fn a_role_has_a_plain_name() {
        assert!(RoleName::parse("admin").is_ok() && RoleName::parse(&"a".repeat(32)).is_ok());
        for refused in ["", "Admin", "a b", "a/b", "a#b", "2a", "é", &"a".repeat(33)] {
            assert_eq!(RoleName::parse(refused), Err(InvalidRoleName), "{refused:?}");
        }
    }

    #[test]
    fn a_scope_that_is_too_long_is_cut_between_permissions_and_keeps_our_own() {
        let own = || Permission::OWN.map(str::to_owned);
        let many = (0..200).map(|number| format!("a-service:do-something-{number:03}"));
        let (scope, is_whole) = rights(many.chain(own())).scope();

        assert!(!is_whole);
        assert!(scope.starts_with("events:read roles:read roles:write users:read users:write a-service:"));
        assert!((3000..=3072).contains(&scope.len()), "{}", scope.len());
        assert!(scope.split(' ').all(|permission| Permission::parse(permission).is_ok()));
        assert_eq!(rights(own()).scope(), (Permission::OWN.join(" "), true));
        assert_eq!(Rights::default().scope(), (String::new(), true));
    }
}
