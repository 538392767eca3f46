//! Every five minutes: erases whoever has asked for it and has not come back.
//!
//! The steps can be taken any number of times, by two at once, and be broken off between any two: what
//! is left of a user is found again until the last one, which frees the address and leaves a tombstone.

mod erasing;

use std::time::Duration;

use cloud::{Clock, Cloud, Failed, Fault, Function, Invocation, SettingError, Uploads, chain};
use domain::Timestamp;
use serde::{Serialize, de::IgnoredAny};
use store::{Erasure, Runs, StoreError};
use thiserror::Error;

pub use erasing::Erasing;

/// By then the relay takes no record's word any more for what an event says: it looks the event up.
const SETTLED: Duration = Duration::from_mins(5);
/// Kept back from the deadline, so that no user is begun who cannot be finished.
const TIME_TO_FINISH: Duration = Duration::from_secs(10);

/// Erases.
pub struct EraseUsers {
    runs: Runs,
    erasing: Erasing,
    uploads: Uploads,
    clock: Clock,
}

/// What a run has done.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Users who are gone by it.
    pub erased: usize,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<EraseUsers, SettingError> {
    let (runs, erasing) = (Runs::new(cloud, "erase-users")?, Erasing::new(cloud)?);
    Ok(EraseUsers { runs, erasing, uploads: Uploads::new(cloud)?, clock: cloud.clock() })
}

/// Why somebody is not erased.
#[derive(Debug, Error)]
enum NotErased {
    /// What they have uploaded may still be there.
    #[error("the upload is not deleted")]
    Upload(#[from] Fault),
    /// The tables failed.
    #[error(transparent)]
    Tables(#[from] StoreError),
}

impl Function for EraseUsers {
    type Event = IgnoredAny;
    type Answer = Answer;

    async fn call(&self, _: IgnoredAny, invocation: Invocation) -> Result<Answer, Failed> {
        self.runs.noting(self.run(invocation)).await
    }
}

impl EraseUsers {
    async fn run(&self, invocation: Invocation) -> Result<Answer, Failed> {
        let due_at = self.clock.now().minus(SETTLED);
        let (mut answer, mut failures, mut after) = (Answer::default(), 0, None);
        loop {
            let due = self.due(due_at, after).await?;
            after = due.last().copied();
            for erasure in due {
                if invocation.deadline.left() < TIME_TO_FINISH {
                    tracing::warn!("there is no time for everybody: the next run goes on");
                    return conclude(answer, failures);
                }
                match self.erase(erasure, &invocation.id).await {
                    Ok(is_erased) => answer.erased += usize::from(is_erased),
                    Err(failure) => {
                        let user_id = erasure.user_id.to_string();
                        tracing::error!(user_id, cause = chain(&failure), "not erased");
                        failures += 1;
                    }
                }
            }
            if after.is_none() {
                return conclude(answer, failures);
            }
        }
    }

    async fn due(&self, now: Timestamp, after: Option<Erasure>) -> Result<Vec<Erasure>, Failed> {
        self.erasing.store().identities().due_erasures(now, after).await.map_err(|failure| {
            tracing::error!(cause = chain(&failure), "nobody knows who is to be erased");
            Failed("the table does not answer")
        })
    }

    /// Says whether a user is gone by this.
    async fn erase(&self, erasure: Erasure, invocation: &str) -> Result<bool, NotErased> {
        // Once the user is gone, nobody would look for it any more.
        self.uploads.delete(erasure.user_id).await?;
        Ok(Box::pin(self.erasing.erase(erasure, invocation)).await?)
    }
}

fn conclude(answer: Answer, failures: usize) -> Result<Answer, Failed> {
    tracing::info!(answer.erased, failures, "erased");
    // Nobody may be forgotten in silence: a failed call is what alarms look at.
    if failures > 0 { Err(Failed("some users are not erased")) } else { Ok(answer) }
}
