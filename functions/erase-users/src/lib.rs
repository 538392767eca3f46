//! Every five minutes: erases the users whose deletion is due.
//!
//! Each step can be repeated, interrupted and run concurrently. The remains of a user can be found until the
//! last step, which frees the address and leaves a tombstone.

mod erasing;

use std::time::Duration;

use cloud::{AwsError, Clock, Cloud, Function, Invocation, InvocationError, SettingError, Uploads, chain};
use domain::Timestamp;
use serde::{Serialize, de::IgnoredAny};
use store::{Erasure, Runs, StoreError};
use thiserror::Error;

pub use erasing::Erasing;

/// After this time the relay no longer publishes an event from its record: it reads the event from the table.
const SETTLED: Duration = Duration::from_mins(5);
/// Kept back from the deadline, so that each erasure that begins can finish.
const TIME_TO_FINISH: Duration = Duration::from_secs(10);

/// Erases users.
pub struct EraseUsers {
    runs: Runs,
    erasing: Erasing,
    uploads: Uploads,
    clock: Clock,
}

/// The result of a run.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Users whom this run has erased.
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

/// The cause of a failed erasure.
#[derive(Debug, Error)]
enum ErasureError {
    /// The upload may still exist.
    #[error("cannot delete the upload")]
    Upload(#[from] AwsError),
    /// The tables failed.
    #[error(transparent)]
    Tables(#[from] StoreError),
}

impl Function for EraseUsers {
    type Event = IgnoredAny;
    type Answer = Answer;

    async fn call(&self, _: IgnoredAny, invocation: Invocation) -> Result<Answer, InvocationError> {
        self.runs.noting(self.run(invocation)).await
    }
}

impl EraseUsers {
    async fn run(&self, invocation: Invocation) -> Result<Answer, InvocationError> {
        let due_at = self.clock.now().minus(SETTLED);
        let (mut answer, mut failures, mut after) = (Answer::default(), 0, None);
        loop {
            let due = self.due(due_at, after).await?;
            after = due.last().copied();
            for erasure in due {
                if invocation.deadline.left() < TIME_TO_FINISH {
                    tracing::warn!("out of time, the next run continues");
                    return conclude(answer, failures);
                }
                match self.erase(erasure, &invocation.id).await {
                    Ok(is_erased) => answer.erased += usize::from(is_erased),
                    Err(failure) => {
                        let user_id = erasure.user_id.to_string();
                        tracing::error!(user_id, cause = chain(&failure), "failed to erase a user");
                        failures += 1;
                    }
                }
            }
            if after.is_none() {
                return conclude(answer, failures);
            }
        }
    }

    async fn due(&self, now: Timestamp, after: Option<Erasure>) -> Result<Vec<Erasure>, InvocationError> {
        self.erasing.store().identities().due_erasures(now, after).await.map_err(|failure| {
            tracing::error!(cause = chain(&failure), "failed to list users due for erasure");
            InvocationError("the table does not answer")
        })
    }

    /// Returns whether this call has erased the user.
    async fn erase(&self, erasure: Erasure, invocation: &str) -> Result<bool, ErasureError> {
        // The upload is deleted first: after the user is gone, no run would find it.
        self.uploads.delete(erasure.user_id).await?;
        Ok(Box::pin(self.erasing.erase(erasure, invocation)).await?)
    }
}

fn conclude(answer: Answer, failures: usize) -> Result<Answer, InvocationError> {
    tracing::info!(answer.erased, failures, "erased");
    // A failed call raises the alarm.
    if failures > 0 { Err(InvocationError("some users were not erased")) } else { Ok(answer) }
}
