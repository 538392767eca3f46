//! Counts users by status, as the events of the bus say that they come, change and go.
//!
//! An event says that something has changed; as what a user is counted from then on is read from the table,
//! which knows more than an event: who moves in from elsewhere may be suspended. Position, user and count are
//! written together, so that each event counts once.

use cloud::{Cloud, Failed, Function, Invocation, SettingError};
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

/// The rule brings what is of no user.
#[derive(Debug, Error)]
#[error("the event is of no user")]
struct NoUser;

/// Another event of the user was quicker, or an operator counts anew.
#[derive(Debug, Error)]
#[error("the user is counted otherwise by now")]
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

    async fn call(&self, batch: QueueBatch, invocation: Invocation) -> Result<BatchFailures, Failed> {
        Ok(serve(self, batch, invocation.deadline.left()).await)
    }
}

impl Consumer for CountUsers {
    /// A gap means nothing here: what is counted is what is, not what the event says.
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

/// Rights and throttles change without us; an item that cannot be read does not.
fn unhandled(failure: StoreError) -> Unhandled {
    match failure {
        StoreError::Malformed(_) => Unhandled::poison(failure),
        _ => Unhandled::retry(failure),
    }
}
