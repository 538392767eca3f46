//! The two DynamoDB tables: Identities, which holds what is, and Events, which holds what
//! happened; and [`UserCounts`], which anybody could keep by the events. The only crate that knows DynamoDB.
//!
//! A change of state goes through [`Store::answering`]: every command is one method, and takes the event
//! that says what it does. State and event, and the receipt for the answer if the request asked for one,
//! are written in one transaction, or none of them is. [`Identities`]
//! has the reads, and the few writes that are no event. [`Outbox`] is what relay, sweeper
//! and operators see; [`Reconciliation`] holds the one against the other.

mod dynamodb;
mod identities;
mod items;
pub mod oauth;
mod operations;
mod outbox;
mod transaction;
mod user_counts;

pub use dynamodb::error::StoreError;
pub use dynamodb::item::InvalidItem;
pub use dynamodb::page::{NextPage, Page};
pub use identities::administrators::AdministratorCount;
pub use identities::authority::AuthorizationError;
pub use identities::erasures::Erasure;
pub use identities::mail_caps::MailCap;
pub use identities::rate_limits::{Limit, MailLimits, RateLimitError};
pub use identities::records::Record;
pub use identities::roles::RecentRoles;
pub use identities::sessions::{Rotation, UserWithSessions};
pub use identities::suppressions::{AddressHash, Suppression, SuppressionReason};
pub use identities::table::Identities;
pub use identities::user_search::{OrderedBy, UserFilter, UserOrder};
pub use operations::copy::{Added, CopyError, Copying, WholeTables};
pub use operations::finding::Finding;
pub use operations::import::AdmissionRejected;
pub use operations::raw_item::{InvalidRawItem, Kind, RawItem, Table};
pub use operations::reconcile::{Reconciled, Reconciliation};
pub use operations::scan::UserVersion;
pub use outbox::event::{EventKey, PendingEvent, StoredEvent, Waiting};
pub use outbox::event_state::State;
pub use outbox::history::History;
pub use outbox::item::OutboxItem;
pub use outbox::table::Outbox;
pub use outbox::task_runs::{Run, Runs};
pub use transaction::error::{
    AttemptError, ClaimRejected, CommitError, EmailTaken, LastAdministrator, LinkSpent, SessionEnded,
    retry_on_conflict,
};
pub use transaction::{Commands, Store};
pub use user_counts::{Counts, Recount, UserCounts};
