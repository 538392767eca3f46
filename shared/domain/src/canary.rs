//! The canary: an event without a user, sent each minute to check that events arrive.

use crate::{EventId, Timestamp};

/// An event that takes the way of every event, from the table to the bus and to a rule of its own.
#[derive(Clone, Copy, Debug)]
pub struct Canary {
    /// The id of the canary.
    pub id: EventId,
    /// The time at which it was sent.
    pub sent_at: Timestamp,
}

impl Canary {
    /// EventBridge's `detail-type`.
    pub const TYPE: &str = "canary.sent";
    /// EventBridge's `source`. It differs from that of events, so consumers get no canaries.
    pub const SOURCE: &str = "gatepost.canary";

    /// Returns the stream, which has no other event.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("canary#{}", self.id)
    }

    /// Returns the exact text of EventBridge's `detail`.
    #[must_use]
    pub fn detail(&self) -> String {
        format!(r#"{{"sent_at":{}}}"#, self.sent_at.millis())
    }
}
