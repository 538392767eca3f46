//! What Lambda does between a queue and a function.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    batch::{Batch, Outcome, Step, outcome},
    host::Host,
    limits::InvocationType,
};
use crate::{
    aws::{
        Services,
        sqs::{Message, Queue},
    },
    template::{REGION, arn_of},
};

/// Reads one queue for one function.
pub(crate) struct QueueReader {
    services: Arc<Services>,
    /// Which of the template's sources.
    source: usize,
    /// Held while a batch is handled: one at a time.
    busy: Mutex<()>,
}

impl QueueReader {
    pub(crate) fn new(source: usize, services: &Arc<Services>) -> Self {
        Self { services: Arc::clone(services), source, busy: Mutex::new(()) }
    }

    /// Waits until there is something to do.
    pub(crate) async fn readiness(&self) {
        let name = &self.services.template.queue_sources[self.source].queue;
        match self.services.queue(name) {
            Some(queue) => queue.readiness().await,
            None => std::future::pending().await,
        }
    }

    /// Handles the next batch, if there is one.
    pub(crate) async fn step(&self, host: &Host, early: bool) -> Step {
        let _busy = self.busy.lock().await;
        let source = &self.services.template.queue_sources[self.source];
        let Some(queue) = self.services.queue(&source.queue) else { return Step::Idle };
        let mut messages = queue.ready(source.batch_size, early);
        if messages.is_empty() {
            return Step::Idle;
        }
        let (kind, event) = match &*messages {
            [message] if source.direct => (InvocationType::Event, message.body.clone()),
            _ => {
                let arn = arn_of("AWS::SQS::Queue", &queue.name);
                let batch = Batch::of(messages.iter().map(|message| record(message, &arn).to_string()));
                messages.truncate(batch.records);
                (InvocationType::RequestResponse, batch.event)
            }
        };
        let answer = host.invoke(&source.function, kind, event).await;
        let ids: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
        let (failed, why) = match outcome(answer, &ids, source.reports_failures) {
            Outcome::Handled => (Vec::new(), None),
            Outcome::Failed(positions) => {
                (positions, Some(format!("{} failed at a message", source.function)))
            }
            Outcome::Unanswered(why) => ((0..messages.len()).collect(), Some(why)),
        };
        if let Some(why) = &why {
            host.report_trouble(why);
        }
        let (failed, handled): (Vec<_>, Vec<_>) =
            messages.into_iter().enumerate().partition(|(position, _)| failed.contains(position));
        let without_position =
            |list: Vec<(usize, Message)>| list.into_iter().map(|(_, message)| message).collect();
        self.settle(queue, without_position(handled), without_position(failed), why).await
    }

    async fn settle(
        &self,
        queue: &Queue,
        handled: Vec<Message>,
        failed: Vec<Message>,
        why: Option<String>,
    ) -> Step {
        let name = queue.name.clone();
        let settled = self.services.run(move |services| {
            let queue = services.queue(&name)?;
            let dead_letters =
                queue.resource.dead_letters.as_ref().and_then(|(name, _)| services.queue(name));
            Some(queue.settle(&handled, failed, dead_letters))
        });
        match (settled.await, why) {
            (Ok(Some(Ok(()))), None) => Step::Moved,
            (Ok(Some(Ok(()))), Some(why)) => Step::Failed(why),
            _ => Step::Failed("the queue cannot be written".to_owned()),
        }
    }
}

/// A message as Lambda's event has it.
fn record(message: &Message, arn: &str) -> Value {
    json!({
        "messageId": message.id,
        "receiptHandle": format!("{}-{}", message.id, message.failures),
        "body": message.body,
        "attributes": {
            "ApproximateReceiveCount": (message.failures + 1).to_string(),
            "SentTimestamp": message.sent_at.to_string(),
            "SenderId": "events.amazonaws.com",
            "ApproximateFirstReceiveTimestamp": message.sent_at.to_string(),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
        "awsRegion": REGION,
    })
}
