//! The items of the table Events as operators see them, whatever they are.

use domain::Timestamp;

use crate::{
    EventKey, InvalidItem, State, StoredEvent,
    dynamodb::{
        attributes::{Attributes, text_of},
        item::Item,
    },
    outbox::event_item::{EventSummary, QuarantinedItem},
};

/// One item of the table Events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutboxItem {
    /// An event.
    Event(StoredEvent),
    /// The raw copy of a stream record that could not be read.
    Quarantined {
        /// Where it is kept.
        key: EventKey,
        /// When it was put away.
        created_at: Timestamp,
        /// Whether an operator has seen to it.
        is_discarded: bool,
    },
    /// A canary, a lease, or how a task went: nothing that anybody waits for.
    Internal,
    /// An event that lacks an attribute or holds one of another kind.
    Unreadable {
        /// The stream it is in.
        stream: String,
        /// Its number, as it is written.
        sequence: String,
        /// What is wrong with it.
        attribute: String,
    },
}

/// What [`OutboxItem::of`] reads. The detail is not in it: what is listed may be shown to anybody.
pub(crate) const PROJECTION: &str = "#stream, seq, #state, event_id, detail_type, created_at, attempts, last_error, next_attempt_at, delivered_at, requeued_at";
/// Those of the names that are reserved words.
pub(crate) const PROJECTED: [(&str, &str); 2] = [("#stream", "stream"), ("#state", "state")];

impl OutboxItem {
    pub(crate) fn of(item: Attributes) -> Self {
        let stream = text_of(&item, "stream").unwrap_or_default().to_owned();
        let sequence = item.get("seq").and_then(|value| value.as_n().ok()).cloned().unwrap_or_default();
        let item = match stream.split('#').next() {
            Some("canary" | "lease" | "task") => return Self::Internal,
            Some("quarantine") => QuarantinedItem::read(item).map(Self::from),
            _ => EventSummary::read(item).map(|event| Self::Event(event.into())),
        };
        item.unwrap_or_else(|InvalidItem { attribute, .. }| Self::Unreadable { stream, sequence, attribute })
    }
}

impl From<QuarantinedItem> for OutboxItem {
    fn from(item: QuarantinedItem) -> Self {
        Self::Quarantined {
            key: EventKey { stream: item.stream, sequence: item.seq },
            created_at: item.created_at.0,
            is_discarded: item.state.is_some_and(|state| state.0 == State::Discarded),
        }
    }
}
