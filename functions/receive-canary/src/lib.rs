//! Receives the canary event that `sweep-events` sends, and measures its way through table, stream, relay,
//! bus and rule. A wrong bus name, filter or event source mapping is noticed within minutes.

use cloud::{Clock, Cloud, Function, Invocation, InvocationError, SettingError};
use domain::Timestamp;
use serde::Deserialize;

/// Measures the age of canaries.
pub struct ReceiveCanary {
    clock: Clock,
}

/// The event, as EventBridge delivers it.
#[derive(Debug, Deserialize)]
pub struct Delivery {
    detail: Detail,
}

/// The content of a canary.
#[derive(Debug, Deserialize)]
struct Detail {
    /// Milliseconds since the Unix epoch.
    sent_at: i64,
}

/// Wires the function.
///
/// # Errors
/// None so far: it has no settings.
pub fn function(cloud: &Cloud) -> Result<ReceiveCanary, SettingError> {
    Ok(ReceiveCanary { clock: cloud.clock() })
}

impl Function for ReceiveCanary {
    type Event = Delivery;
    type Answer = ();

    async fn call(&self, delivery: Delivery, _: Invocation) -> Result<(), InvocationError> {
        let age = self.clock.now().since(Timestamp::from_millis(delivery.detail.sent_at));
        cloud::put_time("CanaryAge", age);
        Ok(())
    }
}
