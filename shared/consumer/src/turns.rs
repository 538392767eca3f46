//! Which events a consumer has acted on, each by itself, in a DynamoDB table of its own.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};
use serde::Deserialize;
use thiserror::Error;

use crate::Event;

/// Which events took effect, for consumers to whom their order means nothing: each event asks for
/// something of its own, a mail or a call of another's API, which is to be done once, however often and
/// in whatever order events come. The table has the partition key `receipt`, a string, and no sort key;
/// each consumer has one of its own.
#[derive(Clone, Debug)]
pub struct Turns {
    dynamodb: Client,
    table: String,
    kept: Duration,
    lease: Duration,
}

/// Whose turn it is to do what an event asks for.
#[derive(Debug)]
pub enum Turn {
    /// Ours: do it, then say that it is [`done`](Turns::done), or [`give it back`](Turns::give_back).
    Ours(Lease),
    /// It is done: nothing is to do.
    Done,
    /// Somebody else is at it, with another copy of the event: let this one come again.
    Elsewhere,
}

/// The right to do what one event asks for, until its lease is over.
#[derive(Debug)]
pub struct Lease {
    id: String,
    until_millis: i64,
    event_millis: i64,
}

/// DynamoDB does not do it now: rights, throttling, no answer.
#[derive(Debug, Error)]
#[error("DynamoDB does not say or note whose turn it is")]
pub struct TurnFailure(#[source] Box<dyn std::error::Error + Send + Sync>);

impl Turns {
    /// The leases and receipts in this table. DynamoDB may forget one so long after its event happened, by the
    /// table's TTL attribute `ttl`: an event older than that must not be acted on. A `lease` is longer
    /// than whoever acts can take: who is not done by then is dead.
    pub fn new(dynamodb: Client, table: impl Into<String>, kept: Duration, lease: Duration) -> Self {
        Self { dynamodb, table: table.into(), kept, lease }
    }

    /// Whether an event is so old that its receipt may be forgotten.
    #[must_use]
    pub fn may_have_forgotten(&self, event: &Event, now_millis: i64) -> bool {
        now_millis.saturating_sub(event.occurred_at_millis) >= millis(self.kept)
    }

    /// Asks for the turn to do one `part` of what an event asks for, by one conditional write. Of many
    /// copies at once, one gets it.
    ///
    /// # Errors
    /// If DynamoDB does not do it now.
    pub async fn take(&self, event: &Event, part: &str, now_millis: i64) -> Result<Turn, TurnFailure> {
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
        let Err(error) = update.send().await else { return Ok(Turn::Ours(lease)) };
        match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(found)) => Ok(turn(found.item.clone())),
            _ => Err(TurnFailure(error.into())),
        }
    }

    /// Notes that it is done: the lease becomes a receipt.
    ///
    /// # Errors
    /// If DynamoDB does not do it now. Once the lease is over, it will be done again if the event comes
    /// again.
    pub async fn done(&self, lease: Lease) -> Result<(), TurnFailure> {
        // Whoever has the turn by now does the same again: that it was done is as true.
        let update = self.update(&lease, "SET #ttl = :ttl, #done = :until REMOVE #until");
        let update = update.expression_attribute_names("#done", "done");
        update.send().await.map(drop).map_err(|error| TurnFailure(error.into()))
    }

    /// Lets the next one try at once, instead of when the lease is over.
    ///
    /// # Errors
    /// If DynamoDB does not do it now.
    pub async fn give_back(&self, lease: Lease) -> Result<(), TurnFailure> {
        let delete = self.dynamodb.delete_item().table_name(&self.table);
        let delete = delete
            .key("receipt", text(&lease.id))
            .condition_expression("#until = :until")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":until", number(lease.until_millis));
        delete.send().await.map(drop).map_err(|error| TurnFailure(error.into()))
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
            // Names, since DynamoDB reserves words that the embedded one does not.
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":until", number(lease.until_millis))
            .expression_attribute_values(":ttl", number(ttl))
    }
}

/// The note of an event. Only a receipt has `done`.
#[derive(Deserialize)]
struct Noted {
    done: Option<i64>,
}

fn turn(found: Option<HashMap<String, AttributeValue>>) -> Turn {
    // An unusable note is taken for a lease, so the copy of the event comes again.
    let noted = found.and_then(|item| serde_dynamo::from_item(item).ok());
    if noted.is_some_and(|Noted { done }| done.is_some()) { Turn::Done } else { Turn::Elsewhere }
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
