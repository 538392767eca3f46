//! EventBridge's custom bus, whose FIFO subscribers get each event group in order.

use aws_sdk_eventbridgev2::{
    Client,
    config::retry::RetryConfig,
    error::BuildError,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry, PutEventsSystemMetadata, SuccessCode},
};
use cloud::{AwsError, Cloud};
use store::PendingEvent;

use super::{Verdict, judge, source};

/// A custom bus. The group of an event is its stream, so FIFO subscribers get each user's events in order.
/// Each event has its own de-duplication id, so an event published twice within five minutes is delivered
/// once.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    eventbridge: Client,
    arn: String,
}

impl Custom {
    pub(super) fn new(cloud: &Cloud, arn: String) -> Self {
        // Single entries can fail, which the SDK does not notice. The publisher makes all retries.
        let config =
            aws_sdk_eventbridgev2::config::Builder::from(cloud.sdk()).retry_config(RetryConfig::disabled());
        Self { eventbridge: Client::from_conf(config.build()), arn }
    }

    pub(super) async fn put<'a>(
        &self,
        events: impl Iterator<Item = &'a PendingEvent>,
    ) -> Result<Vec<Verdict>, AwsError> {
        let entries = events.map(entry).collect::<Result<_, _>>().map_err(|_| AwsError::unmade())?;
        let call = self.eventbridge.put_events().event_bus_arn(&self.arn).set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| AwsError::of(&error))?;
        Ok(answer.entries().iter().map(verdict).collect())
    }
}

fn entry(event: &PendingEvent) -> Result<PutEventsRequestEntry, BuildError> {
    let order = PutEventsSystemMetadata::builder()
        .event_group_id(&event.key.stream)
        .deduplication_id(&event.event_id)
        .build();
    PutEventsRequestEntry::builder()
        .source(source(event))
        .detail_type(&event.detail_type)
        .detail(&event.detail)
        .time(DateTime::from_millis(event.created_at.millis()))
        .system_metadata(order)
        .build()
}

/// Accepts a deduplicated entry, even without an id: the bus already has it.
fn verdict(entry: &PutEventsResultEntry) -> Verdict {
    let known = matches!(entry.success_code(), Some(SuccessCode::Deduplicated)).then_some("deduplicated");
    judge(entry.error_code(), entry.event_id().or(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deduplicated_entries_are_accepted_and_unanswered_ones_are_not() {
        let entry = PutEventsResultEntry::builder;
        let known = entry().success_code(SuccessCode::Deduplicated).build();
        assert_eq!(verdict(&known), Verdict::Accepted("deduplicated".to_owned()));
        assert_eq!(verdict(&entry().event_id("e1").build()), Verdict::Accepted("e1".to_owned()));
        assert_eq!(verdict(&entry().build()), Verdict::Failed("NoAnswer".to_owned()));
    }
}
