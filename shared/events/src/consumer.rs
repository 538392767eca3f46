//! What sits behind the bus, and the shell that serves it from a queue.

use std::{error::Error, panic::AssertUnwindSafe, time::Duration};

use cloud::{Failed, Function, Invocation, chain};
use futures_util::FutureExt;
use serde::Deserialize;
use thiserror::Error;
use tokio::time::timeout;

use crate::{BatchFailures, Incoming};

/// What is left for the answer after the last message.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Acts on events. An event may come more than once, and late.
pub trait Consumer: Send + Sync + 'static {
    /// Acts on one event.
    fn on(&self, event: Incoming) -> impl Future<Output = Result<(), Unhandled>> + Send;
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

/// Serves a [`Consumer`] from an SQS queue, whose messages are what EventBridge delivers. Messages
/// are taken one after the other, so that two copies of an event never race each other. One that
/// fails, for whatever reason, goes back to the queue, and its redrive policy at last puts it
/// aside: a poisonous one is never acknowledged, since then nobody would find it.
pub struct Queue<C>(pub C);

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

impl<C: Consumer> Function for Queue<C> {
    type Event = QueueBatch;
    type Answer = BatchFailures;

    async fn call(&self, batch: QueueBatch, invocation: Invocation) -> Result<BatchFailures, Failed> {
        let mut failed = Vec::new();
        for message in batch.messages {
            let time_left = invocation.deadline.left().saturating_sub(ANSWER_TIME);
            if !self.handle(&message, time_left).await {
                failed.push(message.id);
            }
        }
        Ok(failed.into_iter().collect())
    }
}

impl<C: Consumer> Queue<C> {
    /// Whether the message needs nothing more.
    async fn handle(&self, message: &Message, time_left: Duration) -> bool {
        let Ok(event) = Incoming::parse(&message.body) else {
            tracing::error!(message_id = message.id, "a message is not an event of Gatepost");
            return false;
        };
        let (id, kind, correlation_id) = (event.id, event.kind.clone(), event.correlation_id.clone());
        // What a panic leaves behind is dropped with the message: consumers keep no state. Boxed,
        // since an SDK call is a deep nest of futures, and its depth counts at each level above.
        let acting = AssertUnwindSafe(Box::pin(self.0.on(event))).catch_unwind();
        let problem = match timeout(time_left, acting).await {
            Ok(Ok(Ok(()))) => {
                tracing::info!(event_id = %id, kind, correlation_id, "handled");
                return true;
            }
            Ok(Ok(Err(unhandled))) => chain(&unhandled),
            Ok(Err(_)) => "panicked".to_owned(),
            Err(_) => "out of time".to_owned(),
        };
        tracing::error!(event_id = %id, kind, correlation_id, problem, "not handled");
        false
    }
}

/// A message may hold personal data: only its id is shown.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use cloud::Deadline;

    use super::*;

    /// Does with an event what its correlation id says.
    struct Obedient;

    impl Consumer for Obedient {
        async fn on(&self, event: Incoming) -> Result<(), Unhandled> {
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
            "sequence":"1","epoch":1,"correlationid":"{order}","data":{{}}}}}}"#
        );
        Message { id: id.to_owned(), body }
    }

    async fn failed(messages: Vec<Message>, time: Duration) -> Vec<String> {
        let invocation = Invocation { id: "1".to_owned(), deadline: Deadline::after(time) };
        let answer = Queue(Obedient).call(QueueBatch { messages }, invocation).await.expect("an answer");
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
