//! A consumer, and the shell that serves it from a queue.

use std::{error::Error, panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::{Instant, timeout};

use crate::{BatchFailures, Event, PositionFailure, TurnFailure};

/// What is left for the answer after the last message.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Acts on events. An event may come more than once, and late: see [`Positions`](crate::Positions).
pub trait Consumer: Send + Sync + 'static {
    /// Acts on one event.
    fn on(&self, event: Event) -> impl Future<Output = Result<(), Unhandled>> + Send;
}

type Cause = Box<dyn Error + Send + Sync>;

/// Why an event was not acted on. The cause is logged: it names no person and holds no secret.
#[derive(Debug, Error)]
pub enum Unhandled {
    /// It may be possible later.
    #[error("cannot be handled now")]
    Retry(#[source] Cause),
    /// It never will be: somebody has to look at it.
    #[error("can never be handled")]
    Poison(#[source] Cause),
}

impl Unhandled {
    /// It may be possible later.
    pub fn retry(cause: impl Into<Cause>) -> Self {
        Self::Retry(cause.into())
    }

    /// It never will be.
    pub fn poison(cause: impl Into<Cause>) -> Self {
        Self::Poison(cause.into())
    }
}

impl From<PositionFailure> for Unhandled {
    fn from(failure: PositionFailure) -> Self {
        match failure {
            PositionFailure::Unavailable { .. } => Self::retry(failure),
            PositionFailure::Malformed { .. } | PositionFailure::Renumbered => Self::poison(failure),
        }
    }
}

impl From<TurnFailure> for Unhandled {
    fn from(failure: TurnFailure) -> Self {
        Self::retry(failure)
    }
}

/// What Lambda reads from a queue.
#[derive(Debug, Deserialize)]
pub struct QueueBatch {
    /// The messages.
    #[serde(rename = "Records")]
    pub messages: Vec<Message>,
}

/// A message of a queue.
#[derive(Deserialize)]
pub struct Message {
    /// What the answer names it by.
    #[serde(rename = "messageId")]
    pub id: String,
    /// What it says.
    pub body: String,
}

/// Serves a [`Consumer`] from an SQS queue, whose messages are what EventBridge delivers; the answer
/// is due in `time_left`. Messages are taken one after the other. One that fails, for whatever reason,
/// goes back to the queue, and its redrive policy at last puts it aside: a poisonous one is never
/// acknowledged, since then nobody would find it.
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

/// Whether the message needs nothing more.
async fn handle<C: Consumer>(consumer: &C, message: &Message, time_left: Duration) -> bool {
    let Ok(event) = Event::from_delivery(&message.body) else {
        tracing::error!(message_id = message.id, "a message is not an event of Gatepost");
        return false;
    };
    let (id, kind, correlation_id) = (event.id.clone(), event.kind.clone(), event.correlation_id.clone());
    let trace_id = event.trace_id().map(str::to_owned);
    // What a panic leaves behind is dropped with the message: consumers keep no state. Boxed,
    // since an SDK call is a deep nest of futures, and its depth counts at each level above.
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

/// An error and all that caused it, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// A message may hold personal data: only its id is shown.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does with an event what its correlation id says.
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
    async fn only_what_was_not_handled_comes_again() {
        let orders = ["fine", "retry", "poison", "panic", "fine"];
        let mut messages: Vec<_> =
            orders.iter().enumerate().map(|(at, order)| message(&format!("m{at}"), order)).collect();
        messages.push(Message { id: "m5".to_owned(), body: "{}".to_owned() });

        let failed = failed(messages, Duration::from_secs(30)).await;

        assert_eq!(failed, ["m1", "m2", "m3", "m5"]);
    }

    #[tokio::test]
    async fn what_hangs_does_not_keep_the_answer_waiting() {
        let failed = failed(vec![message("m0", "hang")], ANSWER_TIME).await;

        assert_eq!(failed, ["m0"]);
    }

    #[test]
    fn the_answer_is_what_lambda_expects() {
        let answer: BatchFailures = ["m1".to_owned()].into_iter().collect();
        let json = serde_json::to_value(answer).expect("JSON");
        assert_eq!(json, serde_json::json!({"batchItemFailures": [{"itemIdentifier": "m1"}]}));
    }
}
