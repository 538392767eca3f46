//! Authority over users and roles. It is based on stored data, not on an access token.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::{Permission, Role, RoleName, Roles, Session, Timestamp, User};

/// The authority of a user: the user and their roles. A command is committed only if both are unchanged.
#[derive(Clone, Debug)]
pub struct Authority {
    user: User,
    roles: Roles,
}

/// The reason why a caller is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NoAuthority {
    /// The session of the access token has ended, or the user may not sign in.
    #[error("the session has ended")]
    Ended,
    /// The user does not hold the permission.
    #[error("the user lacks the permission")]
    Forbidden,
}

impl User {
    /// Returns the user of a session that has not ended at `now`.
    ///
    /// # Errors
    /// [`NoAuthority::Ended`] if user or session are gone, or the user no longer admits the session.
    pub fn signed_in(
        user: Option<Self>,
        session: Option<&Session>,
        now: Timestamp,
    ) -> Result<Self, NoAuthority> {
        let has_session =
            |user: &Self| session.is_some_and(|session| user.admits(session) && session.is_good_at(now));
        user.filter(has_session).ok_or(NoAuthority::Ended)
    }
}

impl Authority {
    /// Returns the authority of a signed-in user who holds `permission`.
    ///
    /// # Errors
    /// [`NoAuthority::Forbidden`] if the user does not hold it.
    pub fn new(user: User, roles: Roles, permission: &str) -> Result<Self, NoAuthority> {
        let authority = Self { user, roles };
        if authority.has(permission) { Ok(authority) } else { Err(NoAuthority::Forbidden) }
    }

    /// Returns the user whose authority it is.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// Returns the roles that the authority rests on, with their versions. The built-in role never changes.
    pub fn rests_on(&self) -> impl Iterator<Item = (&RoleName, u64)> {
        let mine = self.roles.of_user(&self.user).filter(|role| !role.is_built_in());
        mine.map(|role| (&role.name, role.version))
    }

    /// Returns whether the user holds `permission`.
    #[must_use]
    pub fn has(&self, permission: &str) -> bool {
        self.roles
            .of_user(&self.user)
            .flat_map(|role| &role.permissions)
            .any(|held| held.as_str() == permission)
    }

    /// Returns whether the user may give or take `permission`: it must be one of theirs. Administrators may
    /// give every permission, since the first holder of a service's own permission must get it from someone.
    #[must_use]
    pub fn may_give(&self, permission: &Permission) -> bool {
        self.user.is_administrator() || self.has(permission.as_str())
    }

    /// Returns whether the user may give or take `role`. Only administrators may give or take `admin`, which
    /// means more than its permissions.
    #[must_use]
    pub fn may_give_role(&self, role: &Role) -> bool {
        let is_within = role.permissions.iter().all(|permission| self.may_give(permission));
        is_within && (!role.is_built_in() || self.user.is_administrator())
    }

    /// Returns whether the user may change what `role` permits to `permissions`: they must hold each
    /// permission that is added or removed.
    #[must_use]
    pub fn may_define(&self, role: &Role, permissions: &BTreeSet<Permission>) -> bool {
        role.permissions.symmetric_difference(permissions).all(|permission| self.may_give(permission))
    }

    /// Returns whether the user may change a user from `before` to `after`. They must be able to give every
    /// role of the other user, before and afterwards. Otherwise a change could take over or create a more
    /// powerful account.
    #[must_use]
    pub fn may_change(&self, before: &User, after: &User) -> bool {
        let roles = self.roles.of_user(before).chain(self.roles.of_user(after));
        roles.into_iter().all(|role| self.may_give_role(role))
    }

    /// Returns the defined roles.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }
}
