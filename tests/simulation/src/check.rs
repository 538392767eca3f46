//! What must hold when the faults have stopped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use crate::{deployment::Tables, people::Ack, play::Publication};

/// The promises, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Every committed change has exactly one event, numbered 1, 2, 3…
    Numbered,
    /// Each event was published at least once.
    Published,
    /// First publications are in order, for each subject and epoch.
    Ordered,
    /// Whatever was published was committed.
    Committed,
    /// An event is the same text each time.
    Frozen,
    /// No acknowledged answer was taken back.
    Kept,
    /// Nothing waits for ever, and nothing is dead that need not be.
    Moving,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// Where.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

/// The two tables, taken apart.
pub(crate) struct State {
    /// Each user's version.
    users: BTreeMap<String, u64>,
    /// The sessions there are.
    sessions: BTreeSet<String>,
    /// Each stream's events, by their number.
    events: BTreeMap<String, BTreeMap<u64, Event>>,
    /// What was put away because it could not be read.
    quarantined: usize,
}

struct Event {
    id: String,
    state: String,
    kind: String,
    detail: Value,
    must_die: bool,
}

/// Streams of events, as opposed to what else is in the table.
const STREAMS: [&str; 3] = ["user#", "registration#", "resend#"];
/// The bus takes less.
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

    pub(crate) const fn quarantined(&self) -> usize {
        self.quarantined
    }

    /// The ids of all events.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        self.all().map(|event| event.id.clone())
    }

    fn all(&self) -> impl Iterator<Item = &Event> {
        self.events.values().flat_map(BTreeMap::values)
    }

    /// Each user has as many events as changes, and as many sessions as they say.
    pub(crate) fn numbering(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let nothing = BTreeMap::new();
        for (user, version) in &self.users {
            let events = self.events.get(user).unwrap_or(&nothing);
            if !events.keys().copied().eq(1..=*version) {
                wrong.push(format!("{user} is at {version}, its events are {:?}", events.keys()));
            }
        }
        for (stream, events) in &self.events {
            if !events.keys().copied().eq(1..=events.len() as u64) {
                wrong.push(format!("{stream} has {:?}", events.keys()));
            }
        }
        let sessions = |kind: &str| -> BTreeSet<String> {
            let of_kind = self.all().filter(|event| event.kind == kind);
            of_kind.filter_map(|event| Some(event.detail["data"]["session_id"].as_str()?.to_owned())).collect()
        };
        let open: BTreeSet<_> = sessions("session.started").difference(&sessions("session.ended")).cloned().collect();
        if open != self.sessions {
            wrong.push(format!("the sessions are {:?}, by the events they are {open:?}", self.sessions));
        }
        wrong.into_iter().map(|what| Violation { invariant: Invariant::Numbered, what }).collect()
    }

    /// What an answer has promised is so.
    pub(crate) fn keeping<'a>(&self, acks: impl Iterator<Item = &'a Ack>) -> Vec<Violation> {
        let has = |kind: &str, name: &str, value: &str| {
            self.all().any(|event| event.kind == kind && event.detail["data"][name] == *value)
        };
        let mut registrations = BTreeMap::<&str, usize>::new();
        let mut wrong = Vec::new();
        for ack in acks {
            let is_kept = match ack {
                Ack::Registered(email) => {
                    let promised = registrations.entry(email).or_default();
                    *promised += 1;
                    let asked = |event: &&Event| {
                        event.kind == "registration.requested" && event.detail["data"]["email"] == **email
                    };
                    self.all().filter(asked).count() >= *promised
                }
                Ack::Verified(user) => self.users.contains_key(&format!("user#{user}")),
                Ack::Started(session) | Ack::Refreshed(session) => {
                    let is_open = self.sessions.contains(session);
                    has("session.started", "session_id", session)
                        && (is_open || has("session.ended", "session_id", session))
                }
                Ack::Ended(session) => {
                    !self.sessions.contains(session) && has("session.ended", "session_id", session)
                }
            };
            if !is_kept {
                wrong.push(Violation { invariant: Invariant::Kept, what: format!("{ack:?}") });
            }
        }
        wrong
    }

    /// Everything was published or is rightly dead.
    pub(crate) fn delivery(&self, published: &[Publication]) -> Vec<Violation> {
        let published: BTreeSet<_> = published.iter().map(|publication| &publication.event_id).collect();
        let mut wrong = Vec::new();
        for (stream, events) in &self.events {
            for (number, event) in events {
                let what = format!("{stream}, {number}, is {}", event.state);
                if event.must_die {
                    if event.state != "dead" {
                        wrong.push(Violation { invariant: Invariant::Moving, what });
                    }
                    continue;
                }
                if event.state != "delivered" {
                    wrong.push(Violation { invariant: Invariant::Moving, what: what.clone() });
                }
                if !published.contains(&event.id) {
                    wrong.push(Violation { invariant: Invariant::Published, what });
                }
            }
        }
        wrong
    }
}

/// First publications that came after a later one's.
pub(crate) fn order(published: &[Publication]) -> Vec<Violation> {
    let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::new());
    let mut wrong = Vec::new();
    for Publication { event_id, subject, epoch, sequence } in published {
        if !is_event_stream(subject) || !seen.insert(event_id) {
            continue;
        }
        let last = last.entry((subject, epoch)).or_default();
        if *sequence <= *last {
            let what = format!("{subject}: {sequence} of epoch {epoch} came after {last}");
            wrong.push(Violation { invariant: Invariant::Ordered, what });
        }
        *last = (*sequence).max(*last);
    }
    wrong
}

/// What was published and is of no table.
pub(crate) fn committed(published: &[Publication], committed: &BTreeSet<String>) -> Vec<Violation> {
    let strangers = published.iter().filter(|publication| {
        is_event_stream(&publication.subject) && !committed.contains(&publication.event_id)
    });
    let violation = |publication: &Publication| Violation {
        invariant: Invariant::Committed,
        what: format!("{publication:?}"),
    };
    strangers.map(violation).collect()
}
