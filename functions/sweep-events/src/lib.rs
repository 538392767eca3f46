//! Every minute: publishes the events that the stream missed, so that delivery does not depend on the stream,
//! and reports how many are stuck.
//!
//! Streams keep records for a day, and their mappings can be disabled; the index `due` keeps all pending
//! events. A canary takes the way of every event, and `receive-canary` measures it.

use std::time::Duration;

use cloud::{Clock, Cloud, Deadline, Function, Invocation, InvocationError, Random, SettingError, chain};
use domain::{Canary, Timestamp};
use events::{GRACE, SweepError, Sweeper, Swept};
use futures_util::{StreamExt, stream};
use serde::{Serialize, de::IgnoredAny};
use store::{Outbox, Runs};

/// The number of shards that are counted concurrently.
const READS: usize = 16;

/// Sweeps the outbox.
pub struct SweepEvents {
    runs: Runs,
    outbox: Outbox,
    sweeper: Sweeper,
    clock: Clock,
    random: Random,
}

/// The result of a sweep; all zero if another sweep is running.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Events that the bus accepted.
    pub delivered: usize,
    /// Events that cannot be delivered.
    pub dead: usize,
    /// Events that the bus refused for now.
    pub postponed: usize,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<SweepEvents, SettingError> {
    let outbox = Outbox::new(cloud)?;
    let sweeper = Sweeper::new(cloud, outbox.clone())?;
    let runs = Runs::new(cloud, "sweep-events")?;
    Ok(SweepEvents { runs, outbox, sweeper, clock: cloud.clock(), random: cloud.random() })
}

impl Function for SweepEvents {
    type Event = IgnoredAny;
    type Answer = Answer;

    async fn call(&self, _: IgnoredAny, invocation: Invocation) -> Result<Answer, InvocationError> {
        self.runs.noting(self.run(invocation.deadline)).await
    }
}

impl SweepEvents {
    async fn run(&self, deadline: Deadline) -> Result<Answer, InvocationError> {
        self.send_canary().await;
        self.count_dead().await;
        let began = self.clock.now();
        match self.sweeper.sweep(GRACE, usize::MAX, deadline).await {
            Ok(swept) => Self::conclude(swept, began),
            Err(SweepError::Busy) => {
                tracing::info!("another sweep is running");
                Ok(Answer::default())
            }
            Err(failed) => {
                tracing::error!(cause = chain(&failed), "sweep failed");
                Err(InvocationError("the table does not answer"))
            }
        }
    }

    /// Failures are only logged: the alarm notices the missing canary.
    async fn send_canary(&self) {
        let sent_at = self.clock.now();
        let canary = Canary { id: self.random.id(sent_at), sent_at };
        if let Err(failure) = self.outbox.add_canary(&canary).await {
            tracing::error!(cause = chain(&failure), "failed to write the canary");
        }
    }

    async fn count_dead(&self) {
        let counts = stream::iter(Outbox::shards()).map(|shard| self.outbox.dead_in(shard));
        let counts: Vec<_> = counts.buffer_unordered(READS).collect().await;
        match counts.into_iter().sum::<Result<u64, _>>() {
            Ok(dead) => cloud::put_count("DeadEvents", dead),
            Err(failure) => tracing::error!(cause = chain(&failure), "failed to count dead events"),
        }
    }

    fn conclude(swept: Swept, began: Timestamp) -> Result<Answer, InvocationError> {
        let Swept { delivered, dead, postponed, unreadable, oldest, stopped } = swept;
        tracing::info!(delivered, dead, postponed, unreadable, "swept");
        // A failed call raises the alarm.
        if unreadable > 0 {
            return Err(InvocationError("some shards or streams cannot be read"));
        }
        let age = oldest.map_or(Duration::ZERO, |oldest| began.since(oldest));
        cloud::put_time("OldestPendingEvent", age);
        match stopped {
            Some(_) => Err(InvocationError("the bus refuses all events")),
            None => Ok(Answer { delivered, dead, postponed }),
        }
    }
}
