//! The delivery of events that the relay has missed.

use std::{collections::BTreeMap, time::Duration};

use cloud::{Clock, Cloud, Deadline, Random, SettingError, chain};
use domain::Timestamp;
use futures_util::{StreamExt, stream};
use store::{EventKey, NextPage, Outbox, Page, PendingEvent, State, StoreError, Waiting};
use thiserror::Error;

use crate::{Publisher, Stop, backoff, full_jitter};

/// The time in which only the relay handles an event.
pub const GRACE: Duration = Duration::from_mins(15);
/// The attempts of the sweeper, after which an operator decides.
const MOST_ATTEMPTS: u32 = 20;
/// The number of events of one shard in a round.
const PAGE: i32 = 100;
/// The number of concurrent reads, and of concurrent writes.
const AT_ONCE: usize = 16;
/// The lease of sweepers and operators. Two concurrent sweeps would publish everything twice.
const LEASE: &str = "sweep";
/// The lease of a killed sweep ends this long after its deadline.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// A round is started only with this much time left.
const ROUND_TIME: Duration = Duration::from_secs(5);

/// Delivers events in the index `due`, in the same order as the relay.
#[derive(Clone, Debug)]
pub struct Sweeper {
    outbox: Outbox,
    publisher: Publisher,
    clock: Clock,
    random: Random,
}

/// The result of a sweep.
#[derive(Debug, Default)]
pub struct Swept {
    /// Events that the bus accepted.
    pub delivered: usize,
    /// Events that the bus refuses permanently.
    pub dead: usize,
    /// Events that the bus refused for now.
    pub postponed: usize,
    /// Shards and streams that could not be read.
    pub unreadable: usize,
    /// The commit time of the oldest pending event.
    pub oldest: Option<Timestamp>,
    /// The reason why the sweep stopped early, if it did.
    pub stopped: Option<Stop>,
}

/// The reason why nothing was swept.
#[derive(Debug, Error)]
pub enum SweepError {
    /// Another sweep is running.
    #[error("another sweep is running")]
    Busy,
    /// The table does not answer.
    #[error("the table does not answer")]
    Failed(#[from] StoreError),
}

/// The next page of each shard that is not done.
type Starts = Vec<(u32, Option<NextPage>)>;

impl Sweeper {
    /// Creates a sweeper of an outbox.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new(cloud: &Cloud, outbox: Outbox) -> Result<Self, SettingError> {
        let publisher = Publisher::new(cloud, outbox.clone())?;
        Ok(Self { outbox, publisher, clock: cloud.clock(), random: cloud.random() })
    }

    /// Publishes events that have been due for longer than `grace`, up to `most`, while there is time.
    ///
    /// # Errors
    /// If another sweep is running, or the table does not answer.
    pub async fn sweep(&self, grace: Duration, most: usize, deadline: Deadline) -> Result<Swept, SweepError> {
        let (holder, time) = (self.random.uuid().to_string(), deadline.left() + LEASE_MARGIN);
        if !self.outbox.take_lease(LEASE, &holder, self.clock.now(), time).await? {
            return Err(SweepError::Busy);
        }
        let swept = self.sweep_alone(grace, most, deadline).await;
        if let Err(failure) = self.outbox.give_lease_back(LEASE, &holder).await {
            // The lease expires by itself.
            tracing::warn!(cause = chain(&failure), "failed to release the lease");
        }
        Ok(swept)
    }

    async fn sweep_alone(&self, grace: Duration, most: usize, deadline: Deadline) -> Swept {
        let mut swept = Swept::default();
        let mut starts: Starts = Outbox::shards().map(|shard| (shard, None)).collect();
        // Equal for all rounds, so that a postponed event is not tried twice in one sweep.
        let now = self.clock.now();
        while !starts.is_empty() && deadline.left() > ROUND_TIME {
            let overdue = self.overdue(&mut starts, now, grace, &mut swept).await;
            let mut events = self.runs(overdue, now, &mut swept).await;
            events.truncate(most.saturating_sub(swept.tried()));
            self.publish(events, deadline, &mut swept).await;
            if swept.stopped.is_some() || swept.tried() >= most {
                break;
            }
        }
        swept
    }

    /// Returns the overdue events of the pages in `starts`. Replaces them by the next pages.
    async fn overdue(
        &self,
        starts: &mut Starts,
        now: Timestamp,
        grace: Duration,
        swept: &mut Swept,
    ) -> Vec<EventKey> {
        let reads = std::mem::take(starts).into_iter().map(|(shard, start)| async move {
            (shard, self.outbox.indexed(shard, State::Pending, Some(PAGE), start).await)
        });
        let pages: Vec<(u32, Result<Page<Waiting>, StoreError>)> =
            stream::iter(reads).buffer_unordered(AT_ONCE).collect().await;
        let mut overdue = Vec::new();
        for (shard, page) in pages {
            match page {
                Ok(page) => {
                    let oldest = page.items.iter().map(|waiting| waiting.created_at);
                    swept.oldest = swept.oldest.into_iter().chain(oldest).min();
                    let known = overdue.len();
                    let found = page.items.into_iter().filter(|waiting| is_overdue(waiting, now, grace));
                    overdue.extend(found.map(|waiting| waiting.key));
                    // After a page without overdue events, all others belong to the relay.
                    if overdue.len() > known && page.next.is_some() {
                        starts.push((shard, page.next));
                    }
                }
                Err(failure) => {
                    tracing::error!(shard, cause = chain(&failure), "failed to read the index");
                    swept.unreadable += 1;
                }
            }
        }
        overdue
    }

    /// Returns the pending events of each stream from the lowest to the highest overdue one. Later events
    /// belong to the relay.
    async fn runs(&self, overdue: Vec<EventKey>, now: Timestamp, swept: &mut Swept) -> Vec<PendingEvent> {
        let mut highest = BTreeMap::new();
        for EventKey { stream, sequence } in overdue {
            let known = highest.entry(stream).or_insert(sequence);
            *known = sequence.max(*known);
        }
        let keys = highest.into_iter().map(|(stream, sequence)| EventKey { stream, sequence });
        let reads = keys.map(|key| async move { self.outbox.pending_up_to(&key).await });
        let mut reads = stream::iter(reads).buffer_unordered(AT_ONCE);
        let mut events = Vec::new();
        while let Some(read) = reads.next().await {
            match read {
                // A postponed event blocks the ones after it.
                Ok(run) if run.first().is_some_and(|head| head.next_attempt_at < now) => events.extend(run),
                Ok(_) => {}
                Err(failure) => {
                    tracing::error!(cause = chain(&failure), "failed to read a stream");
                    swept.unreadable += 1;
                }
            }
        }
        events
    }

    async fn publish(&self, events: Vec<PendingEvent>, deadline: Deadline, swept: &mut Swept) {
        let report = self.publisher.publish(events, deadline).await;
        swept.delivered += report.delivered.len();
        swept.dead += report.dead.len();
        // Events that were not tried are not the cause, so no attempt is counted for them.
        swept.stopped = report.stopped;
        let failed = report.failed.into_iter();
        let writes = failed.map(|(event, code)| async move { self.postpone(&event, &code).await });
        let outcomes: Vec<bool> = stream::iter(writes).buffer_unordered(AT_ONCE).collect().await;
        let dead = outcomes.iter().filter(|is_dead| **is_dead).count();
        swept.dead += dead;
        swept.postponed += outcomes.len() - dead;
    }

    /// Counts a failed attempt, and postpones the next one. Returns whether it was the last.
    async fn postpone(&self, event: &PendingEvent, code: &str) -> bool {
        let (now, attempt) = (self.clock.now(), event.attempts.saturating_add(1));
        let is_last = attempt >= MOST_ATTEMPTS;
        let written = if is_last {
            tracing::error!(event_id = event.event_id, code, "an event is dead after its last attempt");
            self.outbox.dead(&event.key, code, now).await
        } else {
            let pause = full_jitter(backoff(event.attempts), &self.random);
            self.outbox.postponed(&event.key, attempt, code, now.plus(pause)).await
        };
        if let Err(failure) = written {
            tracing::error!(event_id = event.event_id, cause = chain(&failure), "failed to count an attempt");
        }
        is_last
    }
}

impl Swept {
    const fn tried(&self) -> usize {
        self.delivered + self.dead + self.postponed
    }
}

/// Returns whether the sweeper handles an event. A postponed event has no grace, because the relay no longer
/// handles it.
fn is_overdue(waiting: &Waiting, now: Timestamp, grace: Duration) -> bool {
    let grace = if waiting.due_at > waiting.created_at { Duration::ZERO } else { grace };
    waiting.due_at.plus(grace) < now
}
