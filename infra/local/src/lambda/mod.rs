//! Lambda: the environments of functions, and the readers of streams and queues.

mod batch;
mod host;
mod limits;
mod queue;
mod stream;

pub(crate) use batch::Step;
pub(crate) use host::{Host, HostParts};
pub(crate) use limits::InvocationType;
pub(crate) use queue::QueueReader;
pub use stream::StreamRecord;
pub(crate) use stream::{StreamReader, wanted};
