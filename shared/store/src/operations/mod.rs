//! The work of operators on both tables. Only `gatepost` needs it.

pub(crate) mod copy;
pub(crate) mod export;
pub(crate) mod finding;
pub(crate) mod import;
pub(crate) mod raw_item;
pub(crate) mod reconcile;
pub(crate) mod requeue;
pub(crate) mod restore;
pub(crate) mod scan;
