//! Takes back the canary that `sweep-events` sends, and says how long it took: through table, stream,
//! relay, bus and rule. A wrong bus name, filter or mapping is seen here within minutes.

use cloud::{Clock, Cloud, Failed, Function, Invocation, SettingError};
use domain::Timestamp;
use serde::Deserialize;

/// Times canaries.
pub struct ReceiveCanary {
    clock: Clock,
}

/// What EventBridge delivers.
#[derive(Debug, Deserialize)]
pub struct Delivery {
    detail: Detail,
}

/// What a canary carries.
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

    async fn call(&self, delivery: Delivery, _: Invocation) -> Result<(), Failed> {
        let age = self.clock.now().since(Timestamp::from_millis(delivery.detail.sent_at));
        cloud::put_time("CanaryAge", age);
        Ok(())
    }
}
