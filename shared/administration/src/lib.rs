//! Administrative actions on users and roles. Each reads the target and the caller's present authority, decides, and
//! commits only if neither has changed since.
//!
//! A use case parses its request and passes [`Administration::act`] a function that decides what becomes of the
//! target. Whether the caller may change the user is decided here, for every use case, by
//! [`domain::Authority::may_change`].

mod act;
mod not_done;
mod request;

use api::{AccessGate, Permitted, Receipts, Right};
use cloud::{Clock, Cloud, Random, SettingError};
use store::Store;

pub use act::Act;
pub use not_done::NotDone;
pub use request::{Stated, Whom};

/// What changes others.
pub struct Administration {
    store: Store,
    gate: AccessGate,
    clock: Clock,
    random: Random,
}

impl Administration {
    /// Of this deployment.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let store = Store::new(cloud)?;
        let gate = AccessGate::new(cloud, store.identities())?;
        Ok(Self { store, gate, clock: cloud.clock(), random: cloud.random() })
    }

    /// What checks the caller.
    #[must_use]
    pub const fn gate(&self) -> &AccessGate {
        &self.gate
    }

    /// The answers that were given before.
    #[must_use]
    pub fn receipts(&self, cloud: &Cloud) -> Receipts {
        Receipts::new(cloud, self.store.identities())
    }

    /// What the caller does on this request.
    #[must_use]
    pub fn act<'a, R: Right>(&'a self, caller: &'a Permitted<R>) -> Act<'a, R> {
        let now = self.clock.now();
        Act { store: &self.store, caller, cause: caller.cause(self.random.id(now), now), limits: Vec::new() }
    }
}
