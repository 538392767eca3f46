//! The canary: an event of nobody, sent each minute to see whether events arrive.

use crate::{EventId, Timestamp};

/// Goes the way of every event, from the table to the bus and on to a rule that brings it back.
#[derive(Clone, Copy, Debug)]
pub struct Canary {
    /// The canary's id.
    pub id: EventId,
    /// When it set off.
    pub sent_at: Timestamp,
}

impl Canary {
    /// EventBridge's `detail-type`.
    pub const TYPE: &str = "canary.sent";
    /// EventBridge's `source`: another one than that of events, whose consumers want no canaries.
    pub const SOURCE: &str = "gatepost.canary";

    /// The stream that it is the only event of.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("canary#{}", self.id)
    }

    /// The exact text that is published as EventBridge's `detail`.
    #[must_use]
    pub fn detail(&self) -> String {
        format!(r#"{{"sent_at":{}}}"#, self.sent_at.millis())
    }
}
