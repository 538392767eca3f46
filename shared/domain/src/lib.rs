//! What is true without a computer.
//!
//! Values are parsed once, at the edge, into types that cannot hold anything else; decisions are
//! plain functions of values, and return the event that says what happened. There is no I/O here,
//! no async, no clock and no random source: both come in as arguments.

mod canary;
#[cfg(test)]
mod catalogue;
mod email;
mod envelope;
mod event;
mod id;
mod link;
mod name;
mod password;
mod public_key;
mod registration;
mod seeds;
mod session;
mod time;
mod user;

pub use canary::Canary;
pub use email::{CanonicalEmail, Email, InvalidEmail};
pub use envelope::{Detail, Envelope};
pub use event::{Actor, Cause, Event, EventKind, Person, SessionEnd, Stream};
pub use id::{EventId, Id, RegistrationId, ResendId, SessionId, UserId};
pub use link::{LinkHash, Purpose};
pub use name::{InvalidName, Name};
pub use password::{InvalidPassword, OwnWords, Password, PasswordHash, Secret};
pub use public_key::PublicKey;
pub use registration::{Registration, ResendRequest};
pub use seeds::{MalformedSeeds, Seeds};
pub use session::{Presented, RefreshRefused, Session, SessionLimits};
pub use time::{InvalidTimestamp, Timestamp};
pub use user::{Client, Credential, Status, User};
