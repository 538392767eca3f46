//! What somebody may do to others, decided on what is, not on what a token says was.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::{Permission, Role, RoleName, Roles, Session, Timestamp, User};

/// Somebody who may do something to others: the user and their roles as they are now. Whatever is done
/// by it is done only if that still holds when it is.
#[derive(Clone, Debug)]
pub struct Authority {
    user: User,
    roles: Roles,
}

/// Why somebody has no authority.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NoAuthority {
    /// The session of the token has ended, and the token has not died yet.
    #[error("the session has ended")]
    Ended,
    /// The user may not do it (any more).
    #[error("the user has no right to it")]
    Forbidden,
}

impl Authority {
    /// That of `user` to do what `permission` is about.
    ///
    /// # Errors
    /// [`NoAuthority`].
    pub fn of(
        user: Option<User>,
        session: Option<&Session>,
        roles: Roles,
        permission: &str,
        now: Timestamp,
    ) -> Result<Self, NoAuthority> {
        let stands =
            |user: &User| session.is_some_and(|session| user.admits(session) && session.is_good_at(now));
        let user = user.filter(stands).ok_or(NoAuthority::Ended)?;
        let authority = Self { user, roles };
        if authority.has(permission) { Ok(authority) } else { Err(NoAuthority::Forbidden) }
    }

    /// Whose it is.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The versions of the roles that it rests on; the one that is built in does not change.
    pub fn rests_on(&self) -> impl Iterator<Item = (&RoleName, u64)> {
        let mine = self.roles.of_user(&self.user).filter(|role| !role.is_built_in());
        mine.map(|role| (&role.name, role.version))
    }

    /// Whether `permission` is among the user's.
    #[must_use]
    pub fn has(&self, permission: &str) -> bool {
        self.roles
            .of_user(&self.user)
            .flat_map(|role| &role.permissions)
            .any(|held| held.as_str() == permission)
    }

    /// Whether the user may give `permission` to others, or take it: nobody can give what they do not
    /// have. Administrators can give all: somebody must be the first to give what is a service's own.
    #[must_use]
    pub fn may_give(&self, permission: &Permission) -> bool {
        self.user.is_administrator() || self.has(permission.as_str())
    }

    /// Whether the user may give `role` to others, or take it.
    #[must_use]
    pub fn may_give_role(&self, role: &Role) -> bool {
        role.permissions.iter().all(|permission| self.may_give(permission))
    }

    /// Whether the user may let `role` permit `permissions`: what differs must be theirs.
    #[must_use]
    pub fn may_define(&self, role: &Role, permissions: &BTreeSet<Permission>) -> bool {
        role.permissions.symmetric_difference(permissions).all(|permission| self.may_give(permission))
    }

    /// Whether the user may change `other`: somebody who has what they do not have could be made to give it
    /// away, by another address for example.
    #[must_use]
    pub fn may_change(&self, other: &User) -> bool {
        self.roles.of_user(other).all(|role| self.may_give_role(role))
    }

    /// The roles that there are.
    #[must_use]
    pub const fn roles(&self) -> &Roles {
        &self.roles
    }
}
