//! What the readers of streams and queues have in common.

use serde_json::Value;
use tokio::time::Instant;

use super::limits::InvocationType;
use crate::functions::CallFailed;

/// What one attempt came to.
pub(crate) enum Step {
    /// There was nothing to do.
    Idle,
    /// Something was handled.
    Moved,
    /// Something failed, and will be tried again.
    Failed(String),
    /// Something failed before, and is tried again then.
    Waits(Instant),
}

/// The event of a batch.
pub(crate) struct Batch {
    /// The text of the event.
    pub(crate) event: String,
    /// How many of the records it holds.
    pub(crate) records: usize,
}

impl Batch {
    /// Takes as many records as fit into one synchronous invocation, and at least one.
    /// Source: `docs.aws.amazon.com/lambda/latest/api/API_EventSourceMappingConfiguration.html`, "`BatchSize`".
    pub(crate) fn of(records: impl IntoIterator<Item = String>) -> Self {
        const END: &str = "]}";
        let mut batch = Self { event: r#"{"Records":["#.to_owned(), records: 0 };
        for record in records {
            let separator = if batch.records == 0 { "" } else { "," };
            let bytes = batch.event.len() + separator.len() + record.len() + END.len();
            if batch.records > 0 && bytes > InvocationType::RequestResponse.max_request_bytes() {
                break;
            }
            batch.event.push_str(separator);
            batch.event.push_str(&record);
            batch.records += 1;
        }
        batch.event.push_str(END);
        batch
    }
}

/// What a function made of a batch.
pub(crate) enum Outcome {
    /// It handled all.
    Handled,
    /// It failed at those at these positions, in ascending order; there is at least one.
    Failed(Vec<usize>),
    /// It did not answer, or not sensibly: as if it had failed at all.
    Unanswered(String),
}

/// Reads an answer as Lambda does: `batchItemFailures`, where the source reports them.
pub(crate) fn outcome(answer: Result<String, CallFailed>, ids: &[&str], reports_failures: bool) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::Unanswered(error.to_string()),
    };
    if !reports_failures {
        return Outcome::Handled;
    }
    let answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    let Some(failures) = answer["batchItemFailures"].as_array() else { return Outcome::Handled };
    let position = |failure: &Value| ids.iter().position(|id| failure["itemIdentifier"] == *id);
    let positions: Option<Vec<usize>> = failures.iter().map(position).collect();
    match positions {
        None => {
            Outcome::Unanswered("a failure was reported for an item that was not in the batch".to_owned())
        }
        Some(positions) if positions.is_empty() => Outcome::Handled,
        Some(mut positions) => {
            positions.sort_unstable();
            Outcome::Failed(positions)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_that_names_nothing_known_fails_the_whole_batch() {
        let answer = |text: &str| outcome(Ok(text.to_owned()), &["1", "2"], true);
        assert!(matches!(answer("null"), Outcome::Handled));
        assert!(matches!(answer(r#"{"batchItemFailures":[]}"#), Outcome::Handled));
        let failed = answer(r#"{"batchItemFailures":[{"itemIdentifier":"2"}]}"#);
        assert!(matches!(failed, Outcome::Failed(positions) if positions == [1]));
        let unknown = answer(r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#);
        assert!(matches!(unknown, Outcome::Unanswered(_)));
    }
}
