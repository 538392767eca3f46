//! The items of the table Events as operators see them, whatever they are.

use std::fmt;

use domain::Timestamp;

use crate::{
    EventKey, Failure,
    item::{Attributes, Read},
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
        attribute: &'static str,
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
    pub(crate) fn of(item: &Attributes) -> Self {
        let read = Read(item);
        let stream = read.maybe_text("stream").unwrap_or_default();
        match stream.split('#').next() {
            Some("canary" | "lease" | "task") => Self::Internal,
            Some("quarantine") => quarantined(item).unwrap_or_else(|| unreadable(stream, item, "created_at")),
            _ => event(item).map_or_else(|attribute| unreadable(stream, item, attribute), Self::Event),
        }
    }
}

fn quarantined(item: &Attributes) -> Option<Entry> {
    let key = crate::delivery::key(item).ok()?;
    let is_discarded = Read(item).maybe_text("state").as_deref() == Some(State::Discarded.name());
    Some(Entry::Quarantined { key, created_at: Read(item).moment("created_at").ok()?, is_discarded })
}

fn unreadable(stream: String, item: &Attributes, attribute: &'static str) -> Entry {
    let sequence = item.get("seq").and_then(|value| value.as_n().ok()).cloned().unwrap_or_default();
    Entry::Unreadable { stream, sequence, attribute }
}

fn event(item: &Attributes) -> Result<StoredEvent, &'static str> {
    parse(item).map_err(|failure| match failure {
        Failure::Malformed(attribute) => attribute,
        _ => "stream",
    })
}

fn parse(item: &Attributes) -> Result<StoredEvent, Failure> {
    let read = Read(item);
    let maybe_moment = |name| item.contains_key(name).then(|| read.moment(name)).transpose();
    let state = |name: &str| State::named(name).ok_or(());
    Ok(StoredEvent {
        key: crate::delivery::key(item)?,
        event_id: read.text("event_id")?,
        detail_type: read.text("detail_type")?,
        state: read.parsed("state", state)?,
        created_at: read.moment("created_at")?,
        attempts: read.number("attempts")?,
        last_error: read.maybe_text("last_error"),
        next_attempt_at: read.moment("next_attempt_at")?,
        delivered_at: maybe_moment("delivered_at")?,
        requeued_at: maybe_moment("requeued_at")?,
    })
}
