//! The items of the table Events as operators see them, whatever they are.

use std::fmt;

use domain::Timestamp;

use crate::{
    EventKey, MalformedItem,
    attributes::{Attributes, text_of},
    items::{EventSummary, Item, QuarantinedItem},
};

/// One item of the table Events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
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

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// It waits for its delivery.
    Pending,
    /// The bus has taken it.
    Delivered,
    /// It was given up, and waits for an operator.
    Dead,
    /// It was dead, and an operator has given it up for ever.
    Discarded,
}

impl State {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Dead, Self::Discarded];

    /// The state of this name, if there is one.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// As the table has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for EventKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.stream, self.sequence)
    }
}

/// What [`Entry::of`] reads. The detail is not in it: what is listed may be shown to anybody.
pub(crate) const PROJECTION: &str = "#stream, seq, #state, event_id, detail_type, created_at, attempts, last_error, next_attempt_at, delivered_at, requeued_at";
/// Those of the names that are reserved words.
pub(crate) const PROJECTED: [(&str, &str); 2] = [("#stream", "stream"), ("#state", "state")];

impl Entry {
    pub(crate) fn of(item: Attributes) -> Self {
        let stream = text_of(&item, "stream").unwrap_or_default().to_owned();
        let sequence = item.get("seq").and_then(|value| value.as_n().ok()).cloned().unwrap_or_default();
        let entry = match stream.split('#').next() {
            Some("canary" | "lease" | "task") => return Self::Internal,
            Some("quarantine") => QuarantinedItem::read(item).map(Self::from),
            _ => EventSummary::read(item).map(|event| Self::Event(event.into())),
        };
        entry.unwrap_or_else(|MalformedItem { attribute, .. }| Self::Unreadable {
            stream,
            sequence,
            attribute,
        })
    }
}

impl From<QuarantinedItem> for Entry {
    fn from(item: QuarantinedItem) -> Self {
        Self::Quarantined {
            key: EventKey { stream: item.stream, sequence: item.seq },
            created_at: item.created_at.0,
            is_discarded: item.state.is_some_and(|state| state.0 == State::Discarded),
        }
    }
}
