//! EventBridge's classic bus, which has rules and targets, and no order.

use aws_sdk_eventbridge::{
    Client, config::retry::RetryConfig, primitives::DateTime, types::PutEventsRequestEntry,
};
use cloud::{AwsError, Cloud};
use store::PendingEvent;

use super::{Verdict, judge, source};

/// A classic bus.
#[derive(Clone, Debug)]
pub(crate) struct Classic {
    eventbridge: Client,
    name: String,
}

impl Classic {
    pub(super) fn new(cloud: &Cloud, name: String) -> Self {
        // Single entries can fail, which the SDK does not notice. The publisher makes all retries.
        let config =
            aws_sdk_eventbridge::config::Builder::from(cloud.sdk()).retry_config(RetryConfig::disabled());
        Self { eventbridge: Client::from_conf(config.build()), name }
    }

    pub(super) async fn put<'a>(
        &self,
        events: impl Iterator<Item = &'a PendingEvent>,
    ) -> Result<Vec<Verdict>, AwsError> {
        let entries = events.map(|event| self.entry(event)).collect();
        let call = self.eventbridge.put_events().set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| AwsError::of(&error))?;
        Ok(answer.entries().iter().map(|entry| judge(entry.error_code(), entry.event_id())).collect())
    }

    fn entry(&self, event: &PendingEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(source(event))
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .time(DateTime::from_millis(event.created_at.millis()))
            .build()
    }
}
