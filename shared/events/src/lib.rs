//! Events on their way: from the outbox to the bus, and from the bus to those who act on them.
//!
//! [`Publisher`] is the only one that calls `PutEvents`; relay and sweeper share it. [`Consumer`] is
//! what sits behind the bus; [`Queue`] serves one from an SQS queue.

mod backoff;
mod batch;
mod bus;
mod consumer;
mod incoming;
mod publisher;
mod sweeper;
mod waves;

pub use backoff::{backoff, full_jitter};
pub use batch::BatchFailures;
pub use consumer::{Consumer, Message, Queue, QueueBatch, Unhandled};
pub use incoming::Incoming;
pub use publisher::{Publisher, Report, Stop};
pub use sweeper::{GRACE, NotSwept, Sweeper, Swept};
