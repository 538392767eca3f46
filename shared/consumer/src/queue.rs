//! The consumer, and the function that serves it from a queue.

use std::{error::Error, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use crate::{BatchFailures, ClaimError, Event, PositionError};

/// Kept back for the response after the last message.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Handles events. An event may be delivered repeatedly and late: see [`Positions`](crate::Positions).
pub trait Consumer: Send + Sync + 'static {
    /// Handles one event.
    fn on(&self, event: Event) -> impl Future<Output = Result<(), Unhandled>> + Send;
}

type Cause = Box<dyn Error + Send + Sync>;

/// The reason why an event was not handled. The cause is logged, so it must not contain personal data or
/// secrets.
#[derive(Debug, Error)]
pub enum Unhandled {
    /// A retry may succeed.
    #[error("cannot be handled now")]
    Retry(#[source] Cause),
    /// No retry can succeed: an operator has to look at the event.
    #[error("can never be handled")]
    Poison(#[source] Cause),
}

impl Unhandled {
    /// Wraps a cause after which a retry may succeed.
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self::Retry(cause.into())
    }

    /// Wraps a cause after which no retry can succeed.
    pub fn poison(cause: impl Into<Cause>) -> Self {
        Self::Poison(cause.into())
    }
}

impl From<PositionError> for Unhandled {
    fn from(failure: PositionError) -> Self {
        match failure {
            PositionError::Unavailable { .. } => Self::retry(failure),
            PositionError::Malformed { .. } | PositionError::Renumbered => Self::poison(failure),
        }
    }
}

impl From<ClaimError> for Unhandled {
    fn from(failure: ClaimError) -> Self {
        Self::retry(failure)
    }
}

/// The batch that Lambda reads from a queue.
#[derive(Debug, Deserialize)]
pub struct QueueBatch {
    /// The messages.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// A message of a queue.
#[derive(Deserialize)]
pub struct Message {
    /// The id, which the response uses.
    #[serde(rename = "messageId")]
    pub id: String,
    /// The content.
    pub body: String,
}

/// Serves a [`Consumer`] from an SQS queue with messages of EventBridge. Returns within `time_left`. Messages
/// are handled in sequence. A failed message returns to the queue for any cause, and the redrive policy
/// eventually moves it to the dead-letter queue. Poison is never acknowledged, because no operator would
/// notice it.
pub async fn serve<C: Consumer>(consumer: &C, batch: QueueBatch, time_left: Duration) -> BatchFailures {
    let deadline = Instant::now() + time_left.saturating_sub(ANSWER_TIME);
    let mut failed = Vec::new();
    for message in batch.messages {
        if !handle(consumer, &message, deadline.saturating_duration_since(Instant::now())).await {
            failed.push(message.id);
        }
    }
    failed.into_iter().collect()
}

/// Handles a message. Returns whether it is settled.
async fn handle<C: Consumer>(consumer: &C, message: &Message, time_left: Duration) -> bool {
    let Ok(event) = Event::from_delivery(&message.body) else {
        tracing::error!(message_id = message.id, "a message is not an event of Gatepost");
        return false;
    };
    let (id, kind, correlation_id) = (event.id.clone(), event.kind.clone(), event.correlation_id.clone());
    let trace_id = event.trace_id().map(str::to_owned);
    // Consumers keep no state, so a panic affects the message only. Boxed, because calls of the SDK are
    // deeply nested futures, whose size adds up.
    let acting = AssertUnwindSafe(Box::pin(consumer.on(event))).catch_unwind();
    let problem = match timeout(time_left, acting).await {
        Ok(Ok(Ok(()))) => {
            tracing::info!(event_id = id, kind, correlation_id, trace_id, "handled");
            return true;
        }
        Ok(Ok(Err(unhandled))) => chain(&unhandled),
        Ok(Err(_)) => "panicked".to_owned(),
        Err(_) => "out of time".to_owned(),
    };
    tracing::error!(event_id = id, kind, correlation_id, trace_id, problem, "not handled");
    false
}

/// Formats an error and its causes in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Shows only the id, because a message may contain personal data.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Handles an event as its correlation id tells.
    struct Obedient;

    impl Consumer for Obedient {
        async fn on(&self, event: Event) -> Result<(), Unhandled> {
            match event.correlation_id.as_str() {
                "retry" => Err(Unhandled::retry("later")),
                "poison" => Err(Unhandled::poison("never")),
                "panic" => panic!("a fault of ours"),
                "hang" => std::future::pending().await,
                _ => Ok(()),
            }
        }
    }

    fn message(id: &str, order: &str) -> Message {
        let body = format!(
            r#"{{"detail":{{"specversion":"1.0","id":"01930000-0000-7000-8000-000000000001",
            "type":"user.registered","subject":"user#01930000-0000-7000-8000-000000000002",
            "time":"2026-11-21T03:00:00Z",
            "sequence":"1","epoch":1,"correlationid":"{order}","data":{{}}}}}}"#
        );
        Message { id: id.to_owned(), body }
    }

    async fn failed(messages: Vec<Message>, time: Duration) -> Vec<String> {
        let answer = serve(&Obedient, QueueBatch { messages }, time).await;
        answer.identifiers().map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn only_unhandled_messages_are_retried() {
        let orders = ["fine", "retry", "poison", "panic", "fine"];
        let mut messages: Vec<_> =
            orders.iter().enumerate().map(|(at, order)| message(&format!("m{at}"), order)).collect();
        messages.push(Message { id: "m5".to_owned(), body: "{}".to_owned() });

        let failed = failed(messages, Duration::from_secs(30)).await;

        assert_eq!(failed, ["m1", "m2", "m3", "m5"]);
    }

    #[tokio::test]
    async fn a_hanging_consumer_does_not_delay_the_response() {
        let failed = failed(vec![message("m0", "hang")], ANSWER_TIME).await;

        assert_eq!(failed, ["m0"]);
    }

    #[test]
    fn the_response_has_the_format_of_lambda() {
        let answer: BatchFailures = ["m1".to_owned()].into_iter().collect();
        let json = serde_json::to_value(answer).expect("JSON");
        assert_eq!(json, serde_json::json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));
    }
}
