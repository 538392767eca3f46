//! EventBridge's custom bus: subscribers, of whom one that is FIFO gets each event group in order.

use aws_sdk_eventbridgev2::{
    Client,
    config::retry::RetryConfig,
    error::BuildError,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry, PutEventsSystemMetadata, SuccessCode},
};
use cloud::{Cloud, Fault};
use store::PendingEvent;

use super::{Verdict, judge, source};

/// A custom bus. An event's group is its stream, so that a FIFO subscriber has each user's events in
/// order; its de-duplication id is its own, so that what is published twice within five minutes is
/// delivered once.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    eventbridge: Client,
    arn: String,
}

impl Custom {
    pub(super) fn new(cloud: &Cloud, arn: String) -> Self {
        // Entries fail one by one, which the SDK does not see: the publisher does all the retries.
        let config =
            aws_sdk_eventbridgev2::config::Builder::from(cloud.sdk()).retry_config(RetryConfig::disabled());
        Self { eventbridge: Client::from_conf(config.build()), arn }
    }

    pub(super) async fn put<'a>(
        &self,
        events: impl Iterator<Item = &'a PendingEvent>,
    ) -> Result<Vec<Verdict>, Fault> {
        let entries = events.map(entry).collect::<Result<_, _>>().map_err(|_| Fault::unmade())?;
        let call = self.eventbridge.put_events().event_bus_arn(&self.arn).set_entries(Some(entries));
        let answer = call.send().await.map_err(|error| Fault::of(&error))?;
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

/// What the bus had already is as good as taken, whether or not it says under which id.
fn verdict(entry: &PutEventsResultEntry) -> Verdict {
    let known = matches!(entry.success_code(), Some(SuccessCode::Deduplicated)).then_some("deduplicated");
    judge(entry.error_code(), entry.event_id().or(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bus_had_already_is_taken_and_what_it_does_not_answer_is_not() {
        let entry = PutEventsResultEntry::builder;
        let known = entry().success_code(SuccessCode::Deduplicated).build();
        assert_eq!(verdict(&known), Verdict::Accepted("deduplicated".to_owned()));
        assert_eq!(verdict(&entry().event_id("e1").build()), Verdict::Accepted("e1".to_owned()));
        assert_eq!(verdict(&entry().build()), Verdict::Failed("NoAnswer".to_owned()));
    }
}
