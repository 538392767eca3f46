//! Delivering what nobody else has delivered.

use std::{collections::BTreeMap, time::Duration};

use cloud::{Clock, Cloud, Deadline, Random, SettingError, chain};
use domain::Timestamp;
use futures_util::{StreamExt, stream};
use store::{EventKey, NextPage, Outbox, Page, PendingEvent, State, StoreError, Waiting};
use thiserror::Error;

use crate::{Publisher, Stop, backoff, full_jitter};

/// How long an event is the relay's alone.
pub const GRACE: Duration = Duration::from_mins(15);
/// Attempts of the sweeper, after which an operator decides.
const MOST_ATTEMPTS: u32 = 20;
/// Events of one shard that a round looks at.
const PAGE: i32 = 100;
/// Reads at once, and writes at once.
const AT_ONCE: usize = 16;
/// Of sweepers and operators one sweeps at a time: two would publish everything twice.
const LEASE: &str = "sweep";
/// A sweep that is killed keeps the next ones waiting for its own time, and so much longer.
const LEASE_MARGIN: Duration = Duration::from_secs(5);
/// A round is begun only with this much time left.
const ROUND_TIME: Duration = Duration::from_secs(5);

/// Delivers what waits in the index `due`, with the same care for order as the relay.
#[derive(Clone, Debug)]
pub struct Sweeper {
    outbox: Outbox,
    publisher: Publisher,
    clock: Clock,
    random: Random,
}

/// What a sweep has found and done.
#[derive(Debug, Default)]
pub struct Swept {
    /// Events that the bus has taken.
    pub delivered: usize,
    /// Events that it never will.
    pub dead: usize,
    /// Events that it has refused for now.
    pub postponed: usize,
    /// Shards and streams that could not be read.
    pub unreadable: usize,
    /// When the oldest event that waited was committed.
    pub oldest: Option<Timestamp>,
    /// Why it stopped before all was tried, if it did.
    pub stopped: Option<Stop>,
}

/// Nothing was swept.
#[derive(Debug, Error)]
pub enum NotSwept {
    /// Somebody else sweeps.
    #[error("somebody else sweeps")]
    Busy,
    /// The table does not answer.
    #[error("the table does not answer")]
    Failed(#[from] StoreError),
}

/// One round: a page of each shard that is not done.
type Starts = Vec<(u32, Option<NextPage>)>;

impl Sweeper {
    /// Sweeps an outbox.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new(cloud: &Cloud, outbox: Outbox) -> Result<Self, SettingError> {
        let publisher = Publisher::new(cloud, outbox.clone())?;
        Ok(Self { outbox, publisher, clock: cloud.clock(), random: cloud.random() })
    }

    /// Tries what has been due for longer than `grace`, at most `most` events, while there is time.
    ///
    /// # Errors
    /// If somebody else sweeps, or the table does not answer.
    pub async fn sweep(&self, grace: Duration, most: usize, deadline: Deadline) -> Result<Swept, NotSwept> {
        let (holder, time) = (self.random.uuid().to_string(), deadline.left() + LEASE_MARGIN);
        if !self.outbox.take_lease(LEASE, &holder, self.clock.now(), time).await? {
            return Err(NotSwept::Busy);
        }
        let swept = self.sweep_alone(grace, most, deadline).await;
        if let Err(failure) = self.outbox.give_lease_back(LEASE, &holder).await {
            // It ends by itself.
            tracing::warn!(cause = chain(&failure), "the lease was not given back");
        }
        Ok(swept)
    }

    async fn sweep_alone(&self, grace: Duration, most: usize, deadline: Deadline) -> Swept {
        let mut swept = Swept::default();
        let mut starts: Starts = Outbox::shards().map(|shard| (shard, None)).collect();
        // The same for all rounds: what is put off is not tried twice in one sweep.
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

    /// What is overdue on the pages that `starts` names. Puts the next pages into `starts`.
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
                    // Behind a page without any, all are the relay's.
                    if overdue.len() > known && page.next.is_some() {
                        starts.push((shard, page.next));
                    }
                }
                Err(failure) => {
                    tracing::error!(shard, cause = chain(&failure), "the index cannot be read");
                    swept.unreadable += 1;
                }
            }
        }
        overdue
    }

    /// Of each stream the lowest pending event and those after it, up to the highest that is overdue.
    /// What comes after that is the relay's.
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
                // Behind an event that was put off, all the others wait as well.
                Ok(run) if run.first().is_some_and(|head| head.next_attempt_at < now) => events.extend(run),
                Ok(_) => {}
                Err(failure) => {
                    tracing::error!(cause = chain(&failure), "a stream cannot be read");
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
        // Nothing is wrong with the events that were not tried: no attempt is counted against them.
        swept.stopped = report.stopped;
        let failed = report.failed.into_iter();
        let writes = failed.map(|(event, code)| async move { self.postpone(&event, &code).await });
        let outcomes: Vec<bool> = stream::iter(writes).buffer_unordered(AT_ONCE).collect().await;
        let dead = outcomes.iter().filter(|is_dead| **is_dead).count();
        swept.dead += dead;
        swept.postponed += outcomes.len() - dead;
    }

    /// Counts an attempt that was in vain, and puts the next one off; says whether it was the last.
    async fn postpone(&self, event: &PendingEvent, code: &str) -> bool {
        let (now, attempt) = (self.clock.now(), event.attempts.saturating_add(1));
        let is_last = attempt >= MOST_ATTEMPTS;
        let written = if is_last {
            tracing::error!(event_id = event.event_id, code, "tried often enough: the event is dead");
            self.outbox.dead(&event.key, code, now).await
        } else {
            let pause = full_jitter(backoff(event.attempts), &self.random);
            self.outbox.postponed(&event.key, attempt, code, now.plus(pause)).await
        };
        if let Err(failure) = written {
            tracing::error!(event_id = event.event_id, cause = chain(&failure), "an attempt was not counted");
        }
        is_last
    }
}

impl Swept {
    const fn tried(&self) -> usize {
        self.delivered + self.dead + self.postponed
    }
}

/// An event that was put off before is nobody else's any more: it has no grace.
fn is_overdue(waiting: &Waiting, now: Timestamp, grace: Duration) -> bool {
    let grace = if waiting.due_at > waiting.created_at { Duration::ZERO } else { grace };
    waiting.due_at.plus(grace) < now
}
