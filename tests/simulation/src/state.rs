//! The two tables, taken apart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::deployment::Tables;

/// The two tables, taken apart.
pub(crate) struct State {
    /// Each user's version.
    pub(crate) users: BTreeMap<String, u64>,
    /// The sessions there are.
    pub(crate) sessions: BTreeSet<String>,
    /// Each stream's events, by their number.
    pub(crate) events: BTreeMap<String, BTreeMap<u64, Event>>,
    /// What was put away because it could not be read.
    pub(crate) quarantined: usize,
}

pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) kind: String,
    pub(crate) detail: Value,
    /// Whether the bus can never take it.
    pub(crate) must_die: bool,
}

/// Streams of events, as opposed to what else is in the table.
const STREAMS: [&str; 3] = ["user#", "registration#", "resend#"];
/// Bytes of a text: the bus takes less.
pub(crate) const TOO_LARGE: usize = 300 * 1024;

pub(crate) fn is_event_stream(stream: &str) -> bool {
    STREAMS.iter().any(|prefix| stream.starts_with(prefix))
}

fn text(item: &Value, name: &str) -> String {
    item[name]["S"].as_str().unwrap_or_default().to_owned()
}

fn number(item: &Value, name: &str) -> u64 {
    item[name]["N"].as_str().and_then(|number| number.parse().ok()).unwrap_or_default()
}

impl State {
    pub(crate) fn of(tables: &Tables) -> Self {
        let (mut users, mut sessions) = (BTreeMap::new(), BTreeSet::new());
        for item in &tables["Identities"] {
            let (pk, sk) = (text(item, "pk"), text(item, "sk"));
            if sk == "USER" {
                users.insert(pk.replace("USER#", "user#"), number(item, "version"));
            }
            sessions.extend(sk.strip_prefix("SESSION#").map(str::to_owned));
        }
        let (mut events, mut quarantined) = (BTreeMap::<_, BTreeMap<_, _>>::new(), 0);
        for item in &tables["Events"] {
            let stream = text(item, "stream");
            quarantined += usize::from(stream.starts_with("quarantine#"));
            let detail = text(item, "detail");
            // Without a text it is no event: somebody else wrote it.
            if !is_event_stream(&stream) || detail.is_empty() {
                continue;
            }
            let event = Event {
                id: text(item, "event_id"),
                state: text(item, "state"),
                kind: text(item, "detail_type"),
                must_die: detail.len() >= TOO_LARGE,
                detail: serde_json::from_str(&detail).unwrap_or_default(),
            };
            events.entry(stream).or_default().insert(number(item, "seq"), event);
        }
        Self { users, sessions, events, quarantined }
    }

    /// How many events wait.
    pub(crate) fn pending(&self) -> usize {
        self.all().filter(|event| event.state == "pending").count()
    }

    /// The ids of all events.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        self.all().map(|event| event.id.clone())
    }

    /// All events.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Event> {
        self.events.values().flat_map(BTreeMap::values)
    }
}
