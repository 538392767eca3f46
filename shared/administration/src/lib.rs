//! What use cases that change others share: decided on what is now, by what the caller may do now, and carried
//! out only if both are still so then.
//!
//! A use case parses what it is asked for, and says by [`Administration::act`] what is to become of a user or a
//! role. Reading, taking turns with others, committing with the receipt, and why nothing is done are the same
//! for all of them.

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
        let gate = AccessGate::new(cloud, store.identities().key_reader())?;
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
        Receipts::new(cloud, self.store.identities().receipt_reader())
    }

    /// What the caller does on this request.
    #[must_use]
    pub fn act<'a, R: Right>(&'a self, caller: &'a Permitted<R>) -> Act<'a, R> {
        let now = self.clock.now();
        Act { store: &self.store, caller, cause: caller.cause(self.random.id(now), now) }
    }
}
