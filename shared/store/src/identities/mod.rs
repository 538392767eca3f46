//! The table Identities: users with their credentials and sessions, and all other current state.

pub(crate) mod administrators;
pub(crate) mod authority;
pub(crate) mod credential_item;
pub(crate) mod credentials;
pub(crate) mod digests;
pub(crate) mod erasures;
pub(crate) mod idempotency;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod mail_caps;
pub(crate) mod pictures;
pub(crate) mod public_keys;
pub(crate) mod rate_limits;
pub(crate) mod records;
pub(crate) mod registrations;
pub(crate) mod roles;
pub(crate) mod sessions;
pub(crate) mod suppressions;
pub(crate) mod table;
pub(crate) mod user_index;
pub(crate) mod user_item;
pub(crate) mod user_search;
pub(crate) mod users;
