//! Actions of administrators on users and roles. Each reads the target and the caller's current authority, decides, and
//! commits only if neither has changed since.
//!
//! A use case parses its request and passes [`Administration::action`] a function that decides the change of the
//! target. Whether the caller may change the user is decided here, for every use case, by
//! [`domain::Authority::may_change`].

mod action;
mod request;

use api::{Authorized, RequiredPermission};
use cloud::{Cloud, SettingError};
use store::{Identities, Store};

pub use action::AdminAction;
pub use request::{ReasonBody, RolePath, UserPath, UserRolePath, reason};

/// Changes users and roles on behalf of others.
pub struct Administration {
    store: Store,
}

impl Administration {
    /// Works on the tables of this deployment.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self { store: Store::new(cloud)? })
    }

    /// Returns the table of users and roles.
    #[must_use]
    pub fn identities(&self) -> Identities {
        self.store.identities().clone()
    }

    /// Begins the action of the caller on this request.
    #[must_use]
    pub const fn action<'a, R: RequiredPermission>(
        &'a self,
        caller: &'a Authorized<R>,
    ) -> AdminAction<'a, R> {
        AdminAction { store: &self.store, caller, limits: Vec::new() }
    }
}
