//! The calls of AWS, recorded, counted and made to fail.

pub mod calls;
pub(crate) mod permissions;
mod watch;

pub(crate) use watch::Watch;
