//! Effects of single events, each at most once at a time, recorded in a DynamoDB table of the consumer.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use serde::Deserialize;
use thiserror::Error;

use crate::Event;

/// The events that a consumer has processed. It is for effects that do not depend on the order of events, such as a
/// mail or a call of another API. Each consumer has its own table, with the partition key `receipt`, a string, and no
/// sort key.
#[derive(Clone, Debug)]
pub struct ProcessedEvents {
    dynamodb: Client,
    table: String,
    kept: Duration,
    lease: Duration,
}

/// The result of claiming an event.
#[derive(Debug)]
pub enum Claim {
    /// The claim is acquired. Act, then [`complete`](ProcessedEvents::complete) it, or [`release`](ProcessedEvents::release)
    /// it after a failure.
    Acquired(Lease),
    /// The event took effect before.
    AlreadyProcessed,
    /// Another copy of the event is being processed. Let the queue deliver this one again.
    InProgress,
}

/// The sole right to act on an event, until the lease expires.
#[derive(Debug)]
pub struct Lease {
    id: String,
    until_millis: i64,
    event_millis: i64,
}

/// DynamoDB refused, throttled or did not answer a call.
#[derive(Debug, Error)]
#[error("cannot read or write the claim of an event")]
pub struct ClaimError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl ProcessedEvents {
    /// Creates the claims in this table. DynamoDB may delete a receipt once its event is older than `kept`, by the TTL
    /// attribute `ttl`; do not act on older events. A `lease` must be longer than any effect takes.
    pub fn new(dynamodb: Client, table: impl Into<String>, kept: Duration, lease: Duration) -> Self {
        Self { dynamodb, table: table.into(), kept, lease }
    }

    /// Returns whether an event is so old that its receipt may have been deleted.
    #[must_use]
    pub fn may_have_forgotten(&self, event: &Event, now_millis: i64) -> bool {
        now_millis.saturating_sub(event.occurred_at_millis) >= millis(self.kept)
    }

    /// Claims one `part` of an event, with one conditional write. Only one of several concurrent copies acquires it.
    ///
    /// # Errors
    /// [`ClaimError`].
    pub async fn claim(&self, event: &Event, part: &str, now_millis: i64) -> Result<Claim, ClaimError> {
        let id = format!("{}/{part}", event.id);
        let lease = Lease {
            until_millis: now_millis.saturating_add(millis(self.lease)),
            event_millis: event.occurred_at_millis,
            id,
        };
        let update = self
            .update(&lease, "SET #until = :until, #ttl = :ttl")
            .condition_expression("attribute_not_exists(#receipt) OR #until < :now")
            .expression_attribute_names("#receipt", "receipt")
            .expression_attribute_values(":now", number(now_millis))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = update.send().await else { return Ok(Claim::Acquired(lease)) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(found)) => {
                Ok(found_claim(found.item.clone()))
            }
            _ => Err(ClaimError(error.into())),
        }
    }

    /// Records that the event took effect: the lease becomes a receipt.
    ///
    /// # Errors
    /// [`ClaimError`]. A copy of the event that arrives after the lease has expired takes effect again.
    pub async fn complete(&self, lease: Lease) -> Result<(), ClaimError> {
        // Unconditional: if another copy has claimed the event since, the event has still taken effect.
        let update = self.update(&lease, "SET #ttl = :ttl, #done = :until REMOVE #until");
        let update = update.expression_attribute_names("#done", "done");
        update.send().await.map(drop).map_err(|error| ClaimError(error.into()))
    }

    /// Lets another copy claim the event immediately, without waiting for the lease to expire.
    ///
    /// # Errors
    /// [`ClaimError`], also if another copy holds the claim.
    pub async fn release(&self, lease: Lease) -> Result<(), ClaimError> {
        let delete = self.dynamodb.delete_item().table_name(&self.table);
        let delete = delete
            .key("receipt", text(&lease.id))
            .condition_expression("#until = :until")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":until", number(lease.until_millis));
        delete.send().await.map(drop).map_err(|error| ClaimError(error.into()))
    }

    fn update(
        &self,
        lease: &Lease,
        expression: &str,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let ttl = lease.event_millis.saturating_add(millis(self.kept)).div_euclid(1000);
        let update = self.dynamodb.update_item().table_name(&self.table);
        update
            .key("receipt", text(&lease.id))
            .update_expression(expression)
            // Placeholders, because `until` and `ttl` are reserved words.
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", number(lease.until_millis))
            .expression_attribute_values(":ttl", number(ttl))
    }
}

/// A lease or a receipt. Only a receipt has `done`.
#[derive(Deserialize)]
struct ClaimItem {
    done: Option<i64>,
}

fn found_claim(found: Option<HashMap<String, AttributeValue>>) -> Claim {
    // A malformed item counts as a lease, so the queue delivers the event again.
    let item = found.and_then(|item| serde_dynamo::from_item(item).ok());
    if item.is_some_and(|ClaimItem { done }| done.is_some()) {
        Claim::AlreadyProcessed
    } else {
        Claim::InProgress
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
