//! Every minute: delivers what the stream missed, so that the promise does not rest on the stream.
//!
//! Streams forget after a day, and mappings can be disabled; the index `due` forgets nothing. One
//! sweep runs at a time, by the deployment's reserved concurrency; two would only publish twice.

use std::{collections::BTreeMap, time::Duration};

use cloud::{Clock, Cloud, Deadline, Failed, Function, Invocation, Random, SettingError, chain};
use domain::Timestamp;
use events::{Publisher, backoff, full_jitter};
use futures_util::{StreamExt, stream};
use serde::{Serialize, de::IgnoredAny};
use store::{EventKey, Outbox, PendingEvent};

/// How long an event is the relay's alone.
const GRACE: Duration = Duration::from_mins(15);
/// Attempts of the sweeper, after which an operator decides.
const MOST_ATTEMPTS: u32 = 20;
/// Streams that are read at once.
const READS: usize = 16;
/// A page is begun only with this much time left.
const PAGE_TIME: Duration = Duration::from_secs(5);

/// Sweeps.
pub struct SweepEvents {
    outbox: Outbox,
    publisher: Publisher,
    clock: Clock,
    random: Random,
}

/// What a sweep has done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Events that the bus has taken.
    pub delivered: usize,
    /// Events that it never will.
    pub dead: usize,
    /// Events that it has refused for now.
    pub postponed: usize,
    /// Streams that could not be read.
    pub unreadable: usize,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<SweepEvents, SettingError> {
    let outbox = Outbox::new(cloud)?;
    let publisher = Publisher::new(cloud, outbox.clone())?;
    Ok(SweepEvents { outbox, publisher, clock: cloud.clock(), random: cloud.random() })
}

impl Function for SweepEvents {
    type Event = IgnoredAny;
    type Answer = Swept;

    async fn call(&self, _: IgnoredAny, invocation: Invocation) -> Result<Swept, Failed> {
        let mut swept = Swept::default();
        let shards: Vec<_> = Outbox::shards().collect();
        // Not always the same one first: after an outage there may not be time for all.
        let first = usize::from(self.random.bytes::<1>()[0]) % shards.len();
        for shard in shards[first..].iter().chain(&shards[..first]) {
            self.sweep(*shard, invocation.deadline, &mut swept).await?;
        }
        tracing::info!(swept.delivered, swept.dead, swept.postponed, swept.unreadable, "swept");
        // Nothing may be stuck in silence: a failed call is what alarms look at.
        if swept.unreadable > 0 { Err(Failed("some streams cannot be read")) } else { Ok(swept) }
    }
}

impl SweepEvents {
    /// Sweeps one shard of the index, page by page, while there is time.
    async fn sweep(&self, shard: u32, deadline: Deadline, swept: &mut Swept) -> Result<(), Failed> {
        let overdue = before(self.clock.now(), GRACE);
        let mut start = None;
        while deadline.left() > PAGE_TIME {
            let page = self.outbox.due(shard, overdue, start).await.map_err(|failure| {
                tracing::error!(shard, cause = chain(&failure), "the index cannot be read");
                Failed("the index cannot be read")
            })?;
            let events = self.overdue_events(page.keys, overdue, swept).await;
            let report = self.publisher.publish(events, deadline).await;
            swept.delivered += report.delivered.len();
            swept.dead += report.dead.len();
            for (event, code) in &report.failed {
                self.postpone(event, code, swept).await;
            }
            if report.stopped.is_some() {
                // Nothing is wrong with the events: no attempt is counted against them.
                return Err(Failed("the bus takes nothing"));
            }
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Counts an attempt that was in vain, and puts the next one off; the last one was the last.
    async fn postpone(&self, event: &PendingEvent, code: &str, swept: &mut Swept) {
        let (now, attempt) = (self.clock.now(), event.attempts.saturating_add(1));
        let written = if attempt >= MOST_ATTEMPTS {
            swept.dead += 1;
            tracing::error!(event_id = event.event_id, code, "tried often enough: the event is dead");
            self.outbox.dead(&event.key, code, now).await
        } else {
            swept.postponed += 1;
            let pause = full_jitter(backoff(event.attempts), &self.random);
            self.outbox.postponed(&event.key, attempt, code, now.plus(pause)).await
        };
        if let Err(failure) = written {
            tracing::error!(event_id = event.event_id, cause = chain(&failure), "an attempt was not counted");
        }
    }

    /// The pending events of a page's streams: of each the lowest one and those after it, up to the
    /// highest that is overdue. What comes after that is the relay's.
    async fn overdue_events(
        &self,
        keys: Vec<EventKey>,
        overdue: Timestamp,
        swept: &mut Swept,
    ) -> Vec<PendingEvent> {
        let mut highest = BTreeMap::new();
        for EventKey { stream, sequence } in keys {
            let known = highest.entry(stream).or_insert(sequence);
            *known = sequence.max(*known);
        }
        let keys = highest.into_iter().map(|(stream, sequence)| EventKey { stream, sequence });
        let reads = keys.map(|key| async move { self.outbox.pending_up_to(&key).await });
        let mut reads = stream::iter(reads).buffer_unordered(READS);
        let mut events = Vec::new();
        while let Some(read) = reads.next().await {
            match read {
                // Behind an event that was put off, all the others wait as well.
                Ok(run) if run.first().is_some_and(|head| head.next_attempt_at < overdue) => {
                    events.extend(run);
                }
                Ok(_) => {}
                Err(failure) => {
                    tracing::error!(cause = chain(&failure), "a stream cannot be read");
                    swept.unreadable += 1;
                }
            }
        }
        events
    }
}

fn before(moment: Timestamp, duration: Duration) -> Timestamp {
    let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(moment.millis().saturating_sub(millis))
}
