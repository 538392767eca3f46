//! The items of the table Events that hold an event, or a copy of one.

use domain::{Event, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{
    EventKey, InvalidItem, PendingEvent, State, StoredEvent, Waiting,
    dynamodb::{
        attributes::{Attributes, text_of},
        item::{self, Item},
        shard::hash,
        value::{Millis, Text, Ttl},
    },
    outbox::event::event_key,
};

/// Shards of the index `due`: one partition could not take every pending event.
pub(crate) const DUE_SHARDS: u32 = 16;
/// What holds the raw copy of a record.
pub(crate) const RAW: &str = "raw";

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
    pub(crate) fn waiting(self) -> Result<Waiting, InvalidItem> {
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

/// The key of the event's item.
pub(crate) fn key(event: &Event) -> Attributes {
    event_key(&EventKey { stream: event.stream.to_string(), sequence: event.sequence })
}

/// The event's item, pending; `detail` is the exact text to publish, frozen here.
pub(crate) fn item(event: &Event, detail: String) -> Attributes {
    let (stream, cause) = (event.stream.to_string(), &event.context);
    let item = EventItem {
        state: Text(State::Pending),
        event_id: cause.event_id.to_string(),
        detail_type: event.kind.name().to_owned(),
        detail,
        created_at: Millis(cause.occurred_at),
        attempts: 0,
        next_attempt_at: Millis(cause.occurred_at),
        correlation_id: Some(cause.correlation_id.clone()),
        actor: Some(cause.actor.to_string()),
        due_pk: Some(due_shard(&stream).to_string()),
        due_sk: Some(due_sk(cause.occurred_at.millis(), &stream, event.sequence)),
        ttl: None,
        stream,
        seq: event.sequence,
    };
    item::write(Attributes::new(), &item)
}

/// Whether the item found at the event's key is the event itself.
pub(crate) fn is_of(item: &Attributes, event: &Event) -> bool {
    text_of(item, "event_id") == Some(&event.context.event_id.to_string())
}

/// The shard of the index `due` that a stream's events are in.
pub(crate) fn due_shard(stream: &str) -> u32 {
    hash(stream) % DUE_SHARDS
}

/// Where the index `due` has a shard's dead events.
pub(crate) fn dead_pk(shard: u32) -> String {
    format!("dead#{shard}")
}

/// Sorts pending events by when they are due; digits are padded, so that text order is time order.
pub(crate) fn due_sk(due_at_millis: i64, stream: &str, sequence: u64) -> String {
    format!("{due_at_millis:015}#{stream}#{sequence:012}")
}

/// When an event is due, as its `due_sk` says.
pub(crate) fn due_at(due_sk: &str) -> Option<Timestamp> {
    let (millis, _) = due_sk.split_once('#')?;
    millis.parse().ok().map(Timestamp::from_millis)
}

/// The partition of the raw copies of a stream's records.
pub(crate) fn quarantine(stream: &str) -> String {
    format!("quarantine#{stream}")
}

/// The epoch that an event was committed under.
pub(crate) fn event_epoch(event: &Attributes) -> Option<u64> {
    serde_json::from_str::<Value>(text_of(event, "detail")?).ok()?["epoch"].as_u64()
}
