//! The outbox item: one event, as the command that made it puts it into the table Events.

use domain::{Event, Timestamp};

use crate::{
    EventKey, State,
    attributes::{Attributes, event_key, text_of},
    items::{self, EventItem, Millis, Text},
};

/// Shards of the index `due`: one partition could not take every pending event.
pub(crate) const DUE_SHARDS: u32 = 16;

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
    items::write(Attributes::new(), &item)
}

/// Whether the item found at the event's key is the event itself.
pub(crate) fn is_of(item: &Attributes, event: &Event) -> bool {
    text_of(item, "event_id") == Some(&event.context.event_id.to_string())
}

/// The shard of the index `due` that a stream's events are in.
pub(crate) fn due_shard(stream: &str) -> u32 {
    hash(stream) % DUE_SHARDS
}

/// FNV-1a: any stable hash serves to spread keys, and this one needs no library.
pub(crate) fn hash(key: &str) -> u32 {
    key.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
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
