//! The items of the table Events that hold an event, or a copy of one.

use serde::{Deserialize, Deserializer, Serialize};

use super::{
    Item, MalformedItem,
    value::{Millis, Text, Ttl},
};
use crate::{EventKey, PendingEvent, State, StoredEvent, Waiting, outbox::due_at};

/// An event, as it is committed and published.
#[derive(Serialize, Deserialize)]
pub(crate) struct EventItem {
    pub(crate) stream: String,
    pub(crate) seq: u64,
    pub(crate) state: Text<State>,
    pub(crate) event_id: String,
    pub(crate) detail_type: String,
    pub(crate) detail: String,
    pub(crate) created_at: Millis,
    pub(crate) attempts: u32,
    pub(crate) next_attempt_at: Millis,
    /// A canary lacks this and what follows, except for the last.
    pub(crate) correlation_id: Option<String>,
    pub(crate) actor: Option<String>,
    pub(crate) due_pk: Option<String>,
    pub(crate) due_sk: Option<String>,
    #[serde(skip_deserializing)]
    pub(crate) ttl: Option<Ttl>,
}

impl From<EventItem> for PendingEvent {
    fn from(item: EventItem) -> Self {
        Self {
            key: EventKey { stream: item.stream, sequence: item.seq },
            event_id: item.event_id,
            detail_type: item.detail_type,
            detail: item.detail,
            created_at: item.created_at.0,
            attempts: item.attempts,
            next_attempt_at: item.next_attempt_at.0,
        }
    }
}

/// An event without its detail, as the projections of listings have it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct EventSummary {
    stream: String,
    seq: u64,
    event_id: String,
    detail_type: String,
    state: Text<State>,
    created_at: Millis,
    attempts: u32,
    last_error: Option<String>,
    next_attempt_at: Millis,
    delivered_at: Option<Millis>,
    requeued_at: Option<Millis>,
}

impl From<EventSummary> for StoredEvent {
    fn from(item: EventSummary) -> Self {
        Self {
            key: EventKey { stream: item.stream, sequence: item.seq },
            event_id: item.event_id,
            detail_type: item.detail_type,
            state: item.state.0,
            created_at: item.created_at.0,
            attempts: item.attempts,
            last_error: item.last_error,
            next_attempt_at: item.next_attempt_at.0,
            delivered_at: item.delivered_at.map(Millis::moment),
            requeued_at: item.requeued_at.map(Millis::moment),
        }
    }
}

/// The key of an event.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct EventKeyItem {
    stream: String,
    seq: u64,
}

impl From<EventKeyItem> for EventKey {
    fn from(EventKeyItem { stream, seq }: EventKeyItem) -> Self {
        Self { stream, sequence: seq }
    }
}

/// An event in the index `due`.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct DueItem {
    stream: String,
    seq: u64,
    due_sk: String,
    /// An item without it is found by reading the table. The index must not stop at it.
    #[serde(default, deserialize_with = "if_usable")]
    created_at: Option<Millis>,
}

impl DueItem {
    pub(crate) fn waiting(self) -> Result<Waiting, MalformedItem> {
        let due_at = due_at(&self.due_sk).ok_or_else(|| Self::malformed("due_sk"))?;
        let created_at = self.created_at.map_or(due_at, Millis::moment);
        Ok(Waiting { key: EventKey { stream: self.stream, sequence: self.seq }, due_at, created_at })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the signature that `serde` asks for")]
fn if_usable<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Millis>, D::Error> {
    Ok(Millis::deserialize(deserializer).ok())
}

/// The raw copy of a stream record that could not be read.
#[derive(Serialize, Deserialize)]
pub(crate) struct QuarantinedItem {
    pub(crate) stream: String,
    pub(crate) seq: u64,
    /// Projections leave it out.
    pub(crate) raw: Option<String>,
    pub(crate) created_at: Millis,
    /// Set once an operator discards the copy.
    pub(crate) state: Option<Text<State>>,
}
