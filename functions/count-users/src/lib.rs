//! Counts users by status, driven by the events on the bus.
//!
//! An event only says that a user has changed. The counted status is read from the table, which knows more:
//! an imported user may be suspended. Position, status and count are written together, so each event counts
//! once.

use cloud::{Cloud, Function, Invocation, InvocationError, SettingError};
use domain::Timestamp;
use gatepost_consumer::{
    BatchFailures, Committed, Consumer, Event, Positions, QueueBatch, Unhandled, Verdict, serve,
};
use store::{Identities, StoreError, UserCounts};
use thiserror::Error;

/// Counts users.
pub struct CountUsers {
    identities: Identities,
    counts: UserCounts,
    positions: Positions,
}

/// The rule matched an event whose subject is not a user.
#[derive(Debug, Error)]
#[error("the event has no user as its subject")]
struct NoUser;

/// Another event of the user was applied first, or an operator is recounting.
#[derive(Debug, Error)]
#[error("the counted status has changed since it was read")]
struct CountedOtherwise;

/// Wires the function.
///
/// # Errors
/// If a setting is missing.
pub fn function(cloud: &Cloud) -> Result<CountUsers, SettingError> {
    let identities = Identities::new(cloud)?;
    let counts = UserCounts::new(cloud, identities.client())?;
    let positions = Positions::new(identities.client(), counts.table());
    Ok(CountUsers { identities, counts, positions })
}

impl Function for CountUsers {
    type Event = QueueBatch;
    type Answer = BatchFailures;

    async fn call(
        &self,
        batch: QueueBatch,
        invocation: Invocation,
    ) -> Result<BatchFailures, InvocationError> {
        Ok(serve(self, batch, invocation.deadline.left()).await)
    }
}

impl Consumer for CountUsers {
    /// Ignores gaps: the count follows the table, not the event.
    async fn on(&self, event: Event) -> Result<(), Unhandled> {
        if let Verdict::Duplicate | Verdict::Stale = self.positions.judge(&event).await? {
            return Ok(());
        }
        let user_id = event.subject_id("user").and_then(|id| id.parse().ok());
        let user_id = user_id.ok_or_else(|| Unhandled::poison(NoUser))?;
        let recount = self.counts.judge(&self.identities, user_id).await.map_err(unhandled)?;
        let happened_at = Timestamp::from_millis(event.occurred_at_millis);
        match self.positions.commit(&event, self.counts.recount(recount, happened_at)).await? {
            Committed::Done | Committed::Overtaken => Ok(()),
            Committed::Refused => Err(Unhandled::retry(CountedOtherwise)),
        }
    }
}

/// Rights and throttles may recover on their own. A malformed item does not.
fn unhandled(failure: StoreError) -> Unhandled {
    match failure {
        StoreError::Malformed(_) => Unhandled::poison(failure),
        _ => Unhandled::retry(failure),
    }
}
