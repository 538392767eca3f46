//! Every hour: replaces the signing key if it is old enough, and completes an interrupted rotation.
//!
//! [`domain::Ring`] defines the steps of a rotation; this function decides when.

use std::time::Duration;

use cloud::{Clock, Cloud, Function, Invocation, InvocationError, SettingError, chain};
use domain::KeyState;
use keys::Keyring;
use serde::{Serialize, de::IgnoredAny};
use store::Runs;

/// Rotates keys.
pub struct RotateKeys {
    runs: Runs,
    keyring: Keyring,
    /// `None` disables scheduled rotation.
    every: Option<Duration>,
    clock: Clock,
}

/// The keyring after a run.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The number of keys.
    pub keys: usize,
    /// Whether a new key is pending.
    pub rotating: bool,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<RotateKeys, SettingError> {
    let days: u32 = cloud.settings().parsed("KEY_ROTATION_DAYS")?;
    let every = (days > 0).then(|| Duration::from_hours(24) * days);
    let runs = Runs::new(cloud, "rotate-keys")?;
    Ok(RotateKeys { runs, keyring: Keyring::new(cloud)?, every, clock: cloud.clock() })
}

impl Function for RotateKeys {
    type Event = IgnoredAny;
    type Answer = Answer;

    async fn call(&self, _: IgnoredAny, _: Invocation) -> Result<Answer, InvocationError> {
        self.runs.noting(self.run()).await
    }
}

impl RotateKeys {
    async fn run(&self) -> Result<Answer, InvocationError> {
        match self.keyring.rotate_if_due(self.every).await {
            Ok(ring) => {
                let now = self.clock.now();
                let keys = ring.keys_at(now).filter(|(_, state)| *state != KeyState::Gone).count();
                let rotating = ring.is_rotating(now);
                tracing::info!(keys, rotating, "checked the keyring");
                Ok(Answer { keys, rotating })
            }
            Err(failed) => {
                // A failed call raises the alarm.
                tracing::error!(cause = chain(&failed), "key rotation failed");
                Err(InvocationError("the keys were not rotated, or not published"))
            }
        }
    }
}
