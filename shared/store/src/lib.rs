//! The two DynamoDB tables: Identities, which holds what is, and Events, which holds what
//! happened. The only crate that knows DynamoDB.
//!
//! A change of state goes through [`Store`]: every command is one method, and takes the event that
//! says what it does. State and event are written in one transaction, or neither is. [`Identities`]
//! has the reads, and the few writes that are no event. [`Outbox`] is what relay, sweeper
//! and operators see; [`Reconciliation`] holds the one against the other.

mod canary;
mod delivery;
mod entry;
mod failure;
mod finding;
mod identities;
mod inspection;
mod intervention;
mod item;
mod lease;
mod limits;
mod outbox;
mod public_keys;
mod reconciliation;
mod registrations;
mod sessions;
mod transaction;
mod users;

pub use delivery::{EventKey, NextPage, Outbox, PendingEvent, Waiting};
pub use entry::{Entry, State, StoredEvent};
pub use failure::Failure;
pub use finding::Finding;
pub use identities::Identities;
pub use inspection::{Page, UserVersion};
pub use limits::Attempts;
pub use reconciliation::{Reconciled, Reconciliation};
pub use sessions::Rotation;
pub use transaction::{Refused, Store};
pub use users::ClaimRefused;
