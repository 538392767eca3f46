//! What outlasts a deployment: time, chance, faults, people, and all that was ever seen on the bus.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cloud::Random;
use domain::Timestamp;
use fastrand::Rng;
use local::{Published, calls::Call};
use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

use crate::{
    faults::Faults,
    people::{Ack, Person},
    state::is_event_stream,
};

/// 21 November 2026, 03:00 UTC.
const START_MILLIS: i64 = 1_795_230_000_000;

/// One play of a history.
pub(crate) struct Play {
    began: Instant,
    /// When it began, on everybody's clock.
    start: Timestamp,
    pub(crate) random: Random,
    faults: Mutex<Faults>,
    seen: Mutex<Seen>,
    /// Somebody wrote something.
    pub(crate) written: Notify,
}

/// What was seen from outside.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) people: Vec<Person>,
    /// Answers that promised something, and when.
    pub(crate) acks: Vec<(u64, Ack)>,
    /// How often each kind of answer promised something.
    pub(crate) done: BTreeMap<&'static str, u64>,
    /// What the bus took, in order.
    pub(crate) published: Vec<Publication>,
    /// What each event's text was when it was first handed to the bus.
    pub(crate) details: BTreeMap<String, String>,
    /// Events that were handed to the bus with another text.
    pub(crate) changed: Vec<String>,
    /// A fingerprint of all that happened so far.
    fingerprint: u64,
    pub(crate) calls: u64,
}

impl Seen {
    pub(crate) fn of(people: Vec<Person>) -> Self {
        Self { people, ..Self::default() }
    }
}

/// An event that the bus took.
#[derive(Clone, Debug)]
pub(crate) struct Publication {
    pub(crate) event_id: String,
    pub(crate) subject: String,
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
}

impl Play {
    pub(crate) fn new(seed: u64, minute: i64, before: Seen) -> Arc<Self> {
        let dice = Mutex::new(Rng::with_seed(seed));
        let random = Random::of(move |bytes| dice.lock().unwrap_or_else(PoisonError::into_inner).fill(bytes));
        // The retries of the SDK draw from the thread's own source.
        fastrand::seed(seed);
        Arc::new(Self {
            began: Instant::now(),
            start: Timestamp::from_millis(START_MILLIS + minute * 60_000),
            random,
            faults: Mutex::default(),
            seen: Mutex::new(before),
            written: Notify::new(),
        })
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What a clock shows that is right.
    pub(crate) fn time(&self) -> Timestamp {
        self.start.plus(self.began.elapsed())
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to what happened.
    pub(crate) fn write(&self, line: &str) {
        let now = self.now();
        let mut seen = self.seen();
        let mut hasher = DefaultHasher::new();
        (seen.fingerprint, now, line).hash(&mut hasher);
        seen.fingerprint = hasher.finish();
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.seen().fingerprint
    }

    /// Notes what a call shows.
    pub(crate) fn called(&self, call: &Call) {
        let mut seen = self.seen();
        seen.calls += 1;
        if ["TransactWriteItems", "PutItem"].contains(&call.operation.as_str()) {
            self.written.notify_waiters();
        }
        for entry in call.request["Entries"].as_array().into_iter().flatten() {
            let text = entry["Detail"].as_str().unwrap_or_default();
            let detail: Value = serde_json::from_str(text).unwrap_or_default();
            if !is_event_stream(detail["subject"].as_str().unwrap_or_default()) {
                continue;
            }
            let id = detail["id"].as_str().unwrap_or_default().to_owned();
            let first = seen.details.entry(id.clone()).or_insert_with(|| text.to_owned());
            if first != text {
                seen.changed.push(id);
            }
        }
    }

    /// Notes what the bus took.
    pub(crate) fn published(&self, event: &Published) {
        let text = |name: &str| event.detail[name].as_str().unwrap_or_default().to_owned();
        let publication = Publication {
            event_id: text("id"),
            subject: text("subject"),
            epoch: event.detail["epoch"].as_u64().unwrap_or_default(),
            sequence: text("sequence").parse().unwrap_or_default(),
        };
        self.write(&format!("published {publication:?}"));
        self.seen().published.push(publication);
    }
}
