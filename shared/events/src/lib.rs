//! The publication of events from the outbox to the bus.
//!
//! Only [`Publisher`] calls `PutEvents`; the relay and the sweeper share it. The crate `gatepost-consumer` is
//! for the other side of the bus.

mod backoff;
mod bus;
mod publisher;
mod sweeper;
mod waves;

pub use backoff::{backoff, full_jitter};
pub use publisher::{Publisher, Report, Stop};
pub use sweeper::{GRACE, SweepError, Sweeper, Swept};
