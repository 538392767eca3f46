//! Events, as they are read from the table Events.

use std::fmt;

use domain::Timestamp;

use crate::{
    State,
    dynamodb::attributes::{Attributes, number, text, values},
};

/// Names an event: its stream, and its number within it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    /// E.g. `user#<id>`.
    pub stream: String,
    /// 1, 2, 3… within the stream.
    pub sequence: u64,
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stream, self.sequence)
    }
}

/// Returns a key of the table Events.
pub(crate) fn event_key(key: &EventKey) -> Attributes {
    values([("stream", text(&key.stream)), ("seq", number(key.sequence))])
}

/// An event that waits for its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PendingEvent {
    /// Which one it is.
    pub key: EventKey,
    /// What consumers de-duplicate on.
    pub event_id: String,
    /// Its type, e.g. `user.registered`.
    pub detail_type: String,
    /// The exact text to publish.
    pub detail: String,
    /// When it was committed.
    pub created_at: Timestamp,
    /// How often the sweeper has tried in vain.
    pub attempts: u32,
    /// When it is due.
    pub next_attempt_at: Timestamp,
}

/// What the index `due` says of an event that waits for its delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which one it is.
    pub key: EventKey,
    /// When it is due.
    pub due_at: Timestamp,
    /// When it was committed.
    pub created_at: Timestamp,
}

/// An event, without what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Which one it is.
    pub key: EventKey,
    /// What consumers de-duplicate on.
    pub event_id: String,
    /// Its type, e.g. `user.registered`.
    pub detail_type: String,
    /// What became of it.
    pub state: State,
    /// When it was committed.
    pub created_at: Timestamp,
    /// How often the sweeper has tried in vain.
    pub attempts: u32,
    /// Why the last attempt was in vain.
    pub last_error: Option<String>,
    /// When the next attempt is due, or was.
    pub next_attempt_at: Timestamp,
    /// When the bus took it.
    pub delivered_at: Option<Timestamp>,
    /// When an operator gave it another chance.
    pub requeued_at: Option<Timestamp>,
}
