//! SQS: messages that wait for a function.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use cloud::Random;
use domain::Timestamp;
use dynoxide::DynoxideError;
use serde::{Deserialize, Serialize};
use tokio::{sync::Notify, time::Instant};

use crate::{
    storage::{Change, Journal},
    template::QueueResource,
};

/// A queue of the template. What waits is in memory; every change is in the journal first.
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) resource: QueueResource,
    journal: Journal,
    next: AtomicU64,
    waiting: Mutex<BTreeMap<u64, Waiting>>,
    arrived: Notify,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Message {
    #[serde(skip)]
    pub(crate) number: u64,
    pub(crate) id: String,
    pub(crate) body: String,
    pub(crate) sent_at: i64,
    /// How often a function failed at it.
    pub(crate) failures: u32,
}

struct Waiting {
    message: Message,
    /// When it may be tried (again).
    ready_at: Instant,
}

impl Queue {
    pub(crate) fn open(
        name: &str,
        resource: &QueueResource,
        journal: &Journal,
    ) -> Result<Self, DynoxideError> {
        let now = Instant::now();
        let mut waiting = BTreeMap::new();
        for (number, entry) in journal.read(&list(name))? {
            if let Ok(message) = serde_json::from_value::<Message>(entry) {
                // What was being tried when the process ended may still be held by whoever tried it.
                let ready_at =
                    now + if message.failures == 0 { Duration::ZERO } else { backoff(resource, &message) };
                waiting.insert(number, Waiting { message: Message { number, ..message }, ready_at });
            }
        }
        let next = AtomicU64::new(waiting.last_key_value().map_or(0, |(number, _)| *number) + 1);
        let arrived = Notify::new();
        arrived.notify_one();
        Ok(Self {
            name: name.to_owned(),
            resource: resource.clone(),
            journal: journal.clone(),
            next,
            waiting: Mutex::new(waiting),
            arrived,
        })
    }

    /// A new message; it is in the queue once `put` is committed and `add` called.
    pub(crate) fn message(&self, body: String, now: Timestamp) -> Message {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        Message { number, id: Random::system().uuid().to_string(), body, sent_at: now.millis(), failures: 0 }
    }

    /// The change that keeps a message.
    pub(crate) fn put(&self, message: &Message) -> Change {
        let entry = serde_json::to_value(message).unwrap_or_default();
        Change::Put { list: list(&self.name), number: message.number, entry }
    }

    /// Puts a kept message where it is taken from.
    pub(crate) fn add(&self, message: Message) {
        self.lock().insert(message.number, Waiting { message, ready_at: Instant::now() });
        self.arrived.notify_one();
    }

    /// The oldest messages that may be tried; `even_early` takes those as well that wait after a
    /// failure.
    pub(crate) fn ready(&self, at_most: usize, even_early: bool) -> Vec<Message> {
        let now = Instant::now();
        let waiting = self.lock();
        let ready = waiting.values().filter(|waiting| even_early || waiting.ready_at <= now);
        ready.take(at_most).map(|waiting| waiting.message.clone()).collect()
    }

    /// Settles a batch: what was handled goes; what failed is tried again later, or goes to the
    /// dead letters.
    pub(crate) fn settle(
        &self,
        handled: &[Message],
        failed: Vec<Message>,
        dead_letters: Option<&Self>,
    ) -> Result<(), DynoxideError> {
        let (dead, again): (Vec<_>, Vec<_>) = failed
            .into_iter()
            .map(|message| Message { failures: message.failures + 1, ..message })
            .partition(|message| self.is_hopeless(message));
        let gone = handled.iter().chain(&dead).map(|message| message.number);
        let remove = |number| Change::Remove { list: list(&self.name), number };
        let mut changes: Vec<Change> = gone.clone().map(remove).collect();
        changes.extend(again.iter().map(|message| self.put(message)));
        let dead_letters = dead_letters.map(|queue| {
            let renumber = |message| Message { number: queue.next.fetch_add(1, Ordering::SeqCst), ..message };
            (queue, dead.iter().cloned().map(renumber).collect::<Vec<_>>())
        });
        changes.extend(
            dead_letters.iter().flat_map(|(queue, dead)| dead.iter().map(|message| queue.put(message))),
        );
        self.journal.commit(changes)?;
        let mut waiting = self.lock();
        for number in gone {
            waiting.remove(&number);
        }
        for message in again {
            let ready_at = Instant::now() + backoff(&self.resource, &message);
            waiting.insert(message.number, Waiting { message, ready_at });
        }
        drop(waiting);
        if let Some((queue, dead)) = dead_letters {
            for message in dead {
                queue.add(message);
            }
        }
        Ok(())
    }

    fn is_hopeless(&self, message: &Message) -> bool {
        self.resource.dead_letters.as_ref().is_some_and(|(_, most)| message.failures >= *most)
    }

    /// All messages that wait.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.lock().values().map(|waiting| waiting.message.body.clone()).collect()
    }

    /// Waits until a message may be tried.
    pub(crate) async fn readiness(&self) {
        loop {
            let arrived = self.arrived.notified();
            let next = self.lock().values().map(|waiting| waiting.ready_at).min();
            match next {
                Some(at) if at <= Instant::now() => return,
                Some(at) => {
                    let _ = tokio::time::timeout_at(at, arrived).await;
                }
                None => arrived.await,
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// On AWS a message stays hidden for the visibility timeout; here the first retries are quicker.
fn backoff(resource: &QueueResource, message: &Message) -> Duration {
    let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(message.failures.saturating_sub(1).min(16));
    doubled.min(resource.visibility_timeout)
}

fn list(queue: &str) -> String {
    format!("queue/{queue}")
}
