//! The two DynamoDB tables: Identities, which holds what is, and Events, which holds what
//! happened; and [`UserCounts`], which anybody could keep by the events. The only crate that knows DynamoDB.
//!
//! A change of state goes through [`Store::answering`]: every command is one method, and takes the event
//! that says what it does. State and event, and the receipt for the answer if the request asked for one,
//! are written in one transaction, or none of them is. [`Identities`]
//! has the reads, and the few writes that are no event. [`Outbox`] is what relay, sweeper
//! and operators see; [`Reconciliation`] holds the one against the other.

mod administrators;
mod attributes;
mod belongings;
mod canary;
mod commit;
mod copying;
mod credentials;
mod delivery;
mod digests;
mod entry;
mod erasures;
mod failure;
mod finding;
mod history;
mod identities;
mod inspection;
mod intervention;
mod items;
mod lease;
mod limits;
mod links;
mod listing;
mod mails;
mod moving;
mod outbox;
mod pictures;
mod public_keys;
mod receipts;
mod reconciliation;
mod registrations;
mod restoring;
mod roles;
mod runs;
mod sessions;
mod stored_item;
mod transaction;
mod units;
mod user_counts;
mod users;

pub use administrators::AdministratorCount;
pub use belongings::Belonging;
pub use commit::{
    AttemptError, ClaimRejected, CommitError, EmailTaken, LastAdministrator, LinkSpent, SessionEnded,
    retry_on_conflict,
};
pub use copying::{Added, Copying, NotBegun, Table, WholeTables};
pub use delivery::{EventKey, NextPage, Outbox, PendingEvent, Waiting};
pub use entry::{Entry, State, StoredEvent};
pub use erasures::Erasure;
pub use failure::StoreError;
pub use finding::Finding;
pub use history::History;
pub use identities::Identities;
pub use inspection::{Page, UserVersion};
pub use items::MalformedItem;
pub use limits::{Limit, MailLimits, NotReserved};
pub use listing::{OrderedBy, UserFilter, UserOrder};
pub use mails::{AddressHash, MailCap, Suppression, SuppressionReason};
pub use moving::AdmissionRejected;
pub use reconciliation::{Reconciled, Reconciliation};
pub use roles::{NotAuthorized, RecentRoles};
pub use runs::{Run, Runs};
pub use sessions::{Rotation, UserWithSessions};
pub use stored_item::{Kind, NotAnItem, StoredItem};
pub use transaction::{Commands, Store};
pub use user_counts::{Counts, Recount, UserCounts};
