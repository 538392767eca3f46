//! Roles: names for what their users may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::Serialize;
use thiserror::Error;

use crate::{Event, EventContext, EventKind, Stream, Timestamp, Transition, User};

/// Octets.
const MAX_PERMISSION: usize = 64;
const MAX_ROLE_NAME: usize = 32;

/// A permission, such as `users:read`: a resource and an action.
/// Services define their own, such as `orders:refund`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Permission(String);

/// What is not a permission.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be like `orders:refund`: twice lower-case letters, digits, `-` and `_`, 64 characters at most")]
pub struct InvalidPermission;

/// The name of a role.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoleName(String);

/// What is not the name of a role.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 32 lower-case letters, digits, `-` and `_`, and begin with a letter")]
pub struct InvalidRoleName;

/// What those who have it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What it is called.
    pub name: RoleName,
    /// What it permits.
    pub permissions: BTreeSet<Permission>,
    /// The sequence of the role's last event; 0 for the one that is built in.
    pub version: u64,
    /// When it was deleted, if it was.
    pub deleted_at: Option<Timestamp>,
}

/// Every role that there is: what is defined, and the one that is built in.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    present: BTreeMap<RoleName, Role>,
    deleted: BTreeSet<RoleName>,
}

/// What a user may do, as an access token says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// The user's roles, those that there are.
    pub roles: Vec<RoleName>,
    /// What these permit together.
    pub permissions: BTreeSet<Permission>,
}

impl Permission {
    /// Gatepost's own.
    pub const OWN: [&'static str; 5] =
        ["events:read", "roles:read", "roles:write", "users:read", "users:write"];

    /// Takes a permission: it must be a `scope-token` of RFC 6749, and no more than that.
    ///
    /// # Errors
    /// [`InvalidPermission`] for anything else.
    pub fn parse(text: &str) -> Result<Self, InvalidPermission> {
        let is_fit = text.len() <= MAX_PERMISSION
            && text.split_once(':').is_some_and(|(thing, action)| is_name(thing) && is_name(action));
        if is_fit { Ok(Self(text.to_owned())) } else { Err(InvalidPermission) }
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl RoleName {
    /// Takes a name.
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

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A letter, then letters, digits, `-` and `_`; no capitals, which only look different.
fn is_name(text: &str) -> bool {
    let is_letter = |octet: &u8| octet.is_ascii_lowercase();
    let is_more = |octet: &u8| is_letter(octet) || octet.is_ascii_digit() || b"-_".contains(octet);
    text.as_bytes().split_first().is_some_and(|(first, rest)| is_letter(first) && rest.iter().all(is_more))
}

impl Role {
    /// As many permissions a role has at most.
    pub const MAX_PERMISSIONS: usize = 100;

    /// The role that is built in.
    pub const ADMIN: &'static str = "admin";

    /// The role that is built in. It permits all that is Gatepost's own, is always there, and cannot be
    /// changed: a new version of Gatepost that has more to permit permits it to administrators at once.
    #[must_use]
    pub fn admin() -> Self {
        let permissions = Permission::OWN.map(|own| Permission(own.to_owned())).into();
        Self { permissions, ..Self::undefined(RoleName(Self::ADMIN.to_owned())) }
    }

    /// A role that is not there yet: its first change defines it.
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

    /// Deletes the role, which permits nothing afterwards.
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

    /// Whether it is the one that is built in.
    #[must_use]
    pub fn is_built_in(&self) -> bool {
        self.name.0 == Self::ADMIN
    }
}

impl Roles {
    /// The roles that are defined, the names of those that were, and the one that is built in.
    #[must_use]
    pub fn of(defined: impl IntoIterator<Item = Role>, deleted: BTreeSet<RoleName>) -> Self {
        let all = defined.into_iter().chain([Role::admin()]);
        Self { present: all.map(|role| (role.name.clone(), role)).collect(), deleted }
    }

    /// Whether there was a role of this name.
    #[must_use]
    pub fn had(&self, name: &RoleName) -> bool {
        self.deleted.contains(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Role> {
        self.present.values()
    }

    /// The role of this name, if there is one.
    #[must_use]
    pub fn get(&self, name: &RoleName) -> Option<&Role> {
        self.present.get(name)
    }

    /// A user's roles. A name that is no role's gives nothing: the role was deleted, or the name comes
    /// from another system.
    pub fn of_user<'a>(&'a self, user: &'a User) -> impl Iterator<Item = &'a Role> {
        user.roles.iter().filter_map(|name| self.get(&RoleName::parse(name).ok()?))
    }

    /// What a user may do.
    #[must_use]
    pub fn rights(&self, user: &User) -> Rights {
        Rights {
            roles: self.of_user(user).map(|role| role.name.clone()).collect(),
            permissions: self.of_user(user).flat_map(|role| role.permissions.clone()).collect(),
        }
    }
}

impl Rights {
    /// Octets. With the names of 50 roles, and as base64, it stays below the 8 KB that servers take as
    /// one header.
    const MAX_SCOPE: usize = 3072;

    /// The permissions as the `scope` of a token (RFC 9068, section 2.2.3.1), and whether that is all of
    /// them. A token must fit into a header: of very many, those are left out that do not fit, and of
    /// Gatepost's own none, so that an administrator can mend it.
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
