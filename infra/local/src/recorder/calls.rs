//! What functions ask of AWS, seen from the seam under the SDK: recorded, counted, and made to
//! fail where a test wants to know what then.

use std::{collections::BTreeSet, future::Future, pin::Pin, time::Duration};

use serde_json::Value;

/// One call of an AWS service, before it is made. Its request may hold what must not be logged.
#[derive(Clone, Debug)]
pub struct Call {
    /// The function that makes it, by the name of its folder.
    pub function: String,
    /// `dynamodb`, `streams`, `events`, `secretsmanager` or `ses`; `breaches` for the range service of Have I
    /// Been Pwned, whose operation is the range.
    pub service: &'static str,
    /// The operation, e.g. `TransactWriteItems`.
    pub operation: String,
    /// What it needs rights for.
    pub touches: Vec<Touch>,
    /// The request.
    pub request: Value,
}

/// A right that a call needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touch {
    /// The IAM action, e.g. `dynamodb:PutItem`.
    pub action: String,
    /// The table, bus, secret or address.
    pub resource: String,
    /// The index, if it reads one.
    pub index: Option<String>,
    /// The value of the partition key, if one is named: what `dynamodb:LeadingKeys` compares.
    pub partition_key: Option<String>,
}

/// A call that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// What was asked.
    pub call: Call,
    /// The status that the function saw; `None` if the connection broke.
    pub status: Option<u16>,
    /// Size of the request's body.
    pub request_bytes: usize,
    /// Size of the answer's body.
    pub response_bytes: usize,
    /// DynamoDB's `ConsumedCapacity`, per table.
    pub capacity: Vec<Value>,
    /// When it began and ended, on a clock that ticks at each beginning and end.
    pub span: (u64, u64),
}

/// What becomes of a call.
pub enum Fate {
    /// Nothing special.
    Proceed,
    /// It is made so much later.
    Delayed(Duration),
    /// It is made when this is over.
    After(Pin<Box<dyn Future<Output = ()> + Send>>),
    /// The service refuses it and does nothing.
    Refused(Refusal),
    /// The service does it, and then answers this.
    DoneBut(Refusal),
    /// DynamoDB cancels the transaction for these reasons, one for each write. Further writes get the reason `None`.
    Cancelled(Vec<&'static str>),
    /// The connection breaks before the service sees it.
    RequestLost,
    /// The service does it, and the connection breaks before the answer is here.
    AnswerLost,
    /// `PutEvents` takes all entries but those at these positions.
    EntriesRefused(Vec<usize>),
    /// The service does it so much later, and nobody gets an answer: also not who has given up or is
    /// gone meanwhile.
    DoneLater(Duration),
    /// The service does nothing and never answers.
    Silence,
}

/// An error that a service answers.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error's code, e.g. `ThrottlingException`.
    pub code: &'static str,
}

impl Refusal {
    /// Too many calls.
    pub const THROTTLED: Self = Self { status: 400, code: "ThrottlingException" };
    /// Something broke inside the service.
    pub const INTERNAL: Self = Self { status: 500, code: "InternalServerError" };
    /// The function's role does not permit it.
    pub const ACCESS_DENIED: Self = Self { status: 400, code: "AccessDeniedException" };
}

/// How many calls had to wait for one another: calls that overlap count as one step.
#[must_use]
pub fn round_trips<'a>(calls: impl IntoIterator<Item = &'a Made>) -> usize {
    // The longest chain of calls in which each begins after the one before has ended.
    let mut spans: Vec<_> = calls.into_iter().map(|made| made.span).collect();
    spans.sort_unstable_by_key(|(_, end)| *end);
    let mut steps = 0;
    let mut free_from = 0;
    for (begin, end) in spans {
        if begin >= free_from {
            steps += 1;
            free_from = end;
        }
    }
    steps
}

/// The distinct rights that calls needed, without the values of keys.
#[must_use]
pub fn rights<'a>(calls: impl IntoIterator<Item = &'a Made>) -> BTreeSet<Touch> {
    calls.into_iter().flat_map(|made| made.call.touches.iter().cloned()).collect()
}
