//! `docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html`, "Invocation payload (request and response)".

const MAX_SYNCHRONOUS_BYTES: usize = 6 * 1024 * 1024;
const MAX_ASYNCHRONOUS_BYTES: usize = 1024 * 1024;
/// A function's answer has the limit of a synchronous invocation, whether the caller waits for it or not.
pub(crate) const MAX_RESPONSE_BYTES: usize = MAX_SYNCHRONOUS_BYTES;

/// How a function is invoked: `docs.aws.amazon.com/lambda/latest/api/API_Invoke.html`.
#[derive(Clone, Copy)]
pub(crate) enum InvocationType {
    /// The caller waits for the answer: API Gateway, and the readers of streams and queues.
    RequestResponse,
    /// Lambda queues the event: EventBridge and its scheduler.
    Event,
}

impl InvocationType {
    pub(crate) const fn max_request_bytes(self) -> usize {
        match self {
            Self::RequestResponse => MAX_SYNCHRONOUS_BYTES,
            Self::Event => MAX_ASYNCHRONOUS_BYTES,
        }
    }
}
