//! OAuth clients, and what they may do for users.

pub(crate) mod clients;
pub(crate) mod consents;
pub(crate) mod grants;

pub use clients::RecentClients;
pub use grants::{CodeUsed, GrantContext, GrantRotation};
