//! Once a week: writes a status report of the system as an event, which `send-mail` sends to the configured
//! recipient.
//!
//! The function runs every day, so a failed Monday delays the report by a day, not by a week. The report and
//! the event are committed together, on the condition that no other run has written one. Each week has
//! at most one report, and the next one is compared with it.

use std::time::Duration;

use cloud::{Clock, Cloud, Function, Invocation, InvocationError, Random, SettingError, chain};
use domain::{Actor, Digest, EventContext, Standing, Timestamp, UsersByStatus, Week};
use events::GRACE;
use futures_util::{StreamExt, stream};
use serde::{Serialize, de::IgnoredAny};
use store::{CommitError, Identities, Outbox, Run, Runs, Store, StoreError, UserCounts};

/// The other scheduled tasks and their intervals, as in the template.
pub const TASKS: [(&str, Duration); 3] = [
    ("erase-users", Duration::from_mins(5)),
    ("rotate-keys", Duration::from_hours(1)),
    ("sweep-events", Duration::from_mins(1)),
];
/// The number of shards that are counted concurrently.
const READS: usize = 16;

/// Writes digests.
pub struct WriteDigest {
    runs: Runs,
    tasks: Vec<(&'static str, Duration, Runs)>,
    store: Store,
    outbox: Outbox,
    counts: UserCounts,
    clock: Clock,
    random: Random,
}

/// The result of a run.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Whether this run has written the digest. An earlier run had written it otherwise.
    pub written: bool,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<WriteDigest, SettingError> {
    let store = Store::new(cloud)?;
    let runs_of = |(task, every)| Ok((task, every, Runs::new(cloud, task)?));
    Ok(WriteDigest {
        runs: Runs::new(cloud, "write-digest")?,
        tasks: TASKS.into_iter().map(runs_of).collect::<Result<_, SettingError>>()?,
        outbox: Outbox::new(cloud)?,
        counts: UserCounts::new(cloud, store.identities().client())?,
        store,
        clock: cloud.clock(),
        random: cloud.random(),
    })
}

impl Function for WriteDigest {
    type Event = IgnoredAny;
    type Answer = Answer;

    async fn call(&self, _: IgnoredAny, invocation: Invocation) -> Result<Answer, InvocationError> {
        self.runs.noting(self.run(&invocation.id)).await
    }
}

impl WriteDigest {
    async fn run(&self, invocation: &str) -> Result<Answer, InvocationError> {
        match self.write(invocation).await {
            Ok(written) => {
                tracing::info!(written, "checked the digest of this week");
                Ok(Answer { written })
            }
            Err(failure) => {
                // A failed call raises the alarm.
                tracing::error!(cause = chain(&failure), "failed to write the digest");
                Err(InvocationError("the digest was not written"))
            }
        }
    }

    /// Returns whether this call has written the digest of the week.
    async fn write(&self, invocation: &str) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let before = self.store.identities().last_digest().await?;
        if before.as_ref().is_some_and(|before| before.week >= Week::of(now)) {
            return Ok(false);
        }
        // Boxed: the future of concurrent reads is large.
        let standing = Box::pin(self.standing(now)).await?;
        let (digest, event) = Digest::write(standing, before.as_ref(), self.cause(now, invocation));
        match self.store.answering(None).write_digest(before.as_ref(), &digest, &event).await {
            Ok(()) => Ok(true),
            // Another run was faster.
            Err(CommitError::Conflict) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn standing(&self, now: Timestamp) -> Result<Standing, StoreError> {
        let (counts, (waiting_events, dead_events), runs, newest_key_at) = tokio::try_join!(
            self.counts.read(),
            self.stuck(now.minus(GRACE)),
            self.last_runs(),
            newest_key(self.store.identities(), now),
        )?;
        let tasks = |is_meant: fn(&Run, Duration, Timestamp) -> bool| {
            let meant = runs.iter().filter(|(_, every, run)| is_meant(run, *every, now));
            meant.map(|(task, ..)| (*task).to_owned()).collect()
        };
        Ok(Standing {
            users: UsersByStatus::counted(|status| counts.of.get(&status).copied().unwrap_or_default()),
            counted_at: counts.as_of,
            waiting_events,
            dead_events,
            failed_tasks: tasks(|run, _, _| run.failed.is_some()),
            late_tasks: tasks(Run::is_late),
            newest_key_at,
        })
    }

    /// Returns how many events have been waiting since `moment`, and how many are dead.
    async fn stuck(&self, moment: Timestamp) -> Result<(u64, u64), StoreError> {
        let counts = stream::iter(Outbox::shards()).map(|shard| async move {
            tokio::try_join!(self.outbox.waiting_in(shard, moment), self.outbox.dead_in(shard))
        });
        let counts: Vec<_> = counts.buffer_unordered(READS).collect().await;
        counts.into_iter().try_fold((0, 0), |(waiting, dead), of_shard| {
            let (more_waiting, more_dead) = of_shard?;
            Ok((waiting + more_waiting, dead + more_dead))
        })
    }

    /// Returns the last run of each other task that has run.
    async fn last_runs(&self) -> Result<Vec<(&'static str, Duration, Run)>, StoreError> {
        let mut last = Vec::new();
        for (task, every, runs) in &self.tasks {
            last.extend(runs.last().await?.map(|run| (*task, *every, run)));
        }
        Ok(last)
    }

    fn cause(&self, now: Timestamp, invocation: &str) -> EventContext {
        EventContext {
            event_id: self.random.id(now),
            occurred_at: now,
            actor: Actor::System,
            correlation_id: invocation.to_owned(),
            traceparent: None,
        }
    }
}

/// Returns when the newest signing key began to sign. A key that is still pending does not count.
async fn newest_key(identities: &Identities, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let keys = identities.public_keys().await?;
    let signing = keys.iter().filter(|key| key.retire_at.is_none() && key.not_before <= now);
    Ok(signing.map(|key| key.not_before).max())
}
