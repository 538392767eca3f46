//! Events on their way from the outbox to the bus.
//!
//! [`Publisher`] is the only one that calls `PutEvents`; relay and sweeper share it. What sits behind
//! the bus is in the crate `gatepost-consumer`.

mod backoff;
mod bus;
mod publisher;
mod sweeper;
mod waves;

pub use backoff::{backoff, full_jitter};
pub use publisher::{Publisher, Report, Stop};
pub use sweeper::{GRACE, NotSwept, Sweeper, Swept};
