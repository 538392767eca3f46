//! The position of a consumer in each subject, in a DynamoDB table of its own.

use std::{collections::HashMap, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{AttributeValue, Put, TransactWriteItem},
};
use serde::{Deserialize, Serialize};
use serde_path_to_error::Segment;
use thiserror::Error;

use crate::Event;

/// The position of a consumer in each subject: the newest event that took effect. Each consumer has its own
/// table, with the partition key `subject` of type string and no sort key.
#[derive(Clone, Debug)]
pub struct Positions {
    dynamodb: Client,
    table: String,
    kept: Option<Duration>,
}

/// The relation of an event to the position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next event of its subject.
    New,
    /// The last event that took effect. There is nothing to do.
    Duplicate,
    /// An older event than the last one that took effect. There is nothing to do.
    Stale,
    /// Events before this one are missing. They are late, or older than the consumer. Read the current state,
    /// or retry the event. If number 1 is missing, the tables may have been restored, so the consumer's state
    /// of the subject may be wrong.
    Gap {
        /// The number of the first missing event.
        missing_from: u64,
    },
}

/// The result of a [`Positions::commit`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The state and the position were written.
    Done,
    /// Nothing was written: the position has reached this event or a later one, because another copy was
    /// faster.
    Overtaken,
    /// Nothing was written: a condition of the consumer's own writes failed.
    Refused,
}

/// The reason why a position cannot be read or moved.
#[derive(Debug, Error)]
pub enum PositionError {
    /// DynamoDB failed: permissions, throttling, a conflicting transaction, or no response.
    #[error("{operation} failed")]
    Unavailable {
        /// The API operation, e.g. `GetItem`.
        operation: &'static str,
        /// The error of the SDK, for the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The stored position lacks an attribute, or has an unusable one.
    #[error("a stored position has no usable attribute `{attribute}`")]
    Malformed {
        /// The name of the attribute.
        attribute: String,
    },
    /// Another event with the same number took effect. The tables were restored to an earlier time, and
    /// `EventEpoch` was not raised.
    #[error("two events have the same number: EventEpoch was not raised after a restore")]
    Renumbered,
}

/// The position in a subject: the newest event that took effect.
#[derive(Serialize, Deserialize)]
struct Position {
    subject: String,
    epoch: u64,
    sequence: u64,
    event_id: String,
    /// Never read. DynamoDB deletes the item at this time.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    ttl: Option<u64>,
}

impl Positions {
    /// Opens the positions in a table.
    pub fn new(dynamodb: Client, table: impl Into<String>) -> Self {
        Self { dynamodb, table: table.into(), kept: None }
    }

    /// Lets DynamoDB delete positions after this time, with the table's TTL attribute `ttl`. Use it only for
    /// subjects whose events have no effect by then, because a deleted position lets old events take effect
    /// again.
    #[must_use]
    pub const fn kept_for(mut self, time: Duration) -> Self {
        self.kept = Some(time);
        self
    }

    /// Judges an event with a strongly consistent read.
    ///
    /// # Errors
    /// If DynamoDB does not respond, or the stored position is malformed.
    pub async fn judge(&self, event: &Event) -> Result<Verdict, PositionError> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.key("subject", AttributeValue::S(event.subject.clone())).send().await;
        let answer = answer.map_err(|error| unavailable("GetItem", error))?;
        let position = answer.item.map(Position::read).transpose()?;
        verdict(position.as_ref(), event)
    }

    /// Moves the position to `event` and makes up to 99 writes of the consumer in one transaction. If several
    /// copies try, one succeeds.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn commit(
        &self,
        event: &Event,
        writes: impl IntoIterator<Item = TransactWriteItem>,
    ) -> Result<Committed, PositionError> {
        let writes = std::iter::once(self.position(event)).chain(writes).collect();
        let transaction = self.dynamodb.transact_write_items().set_transact_items(Some(writes));
        let Err(error) = transaction.send().await else { return Ok(Committed::Done) };
        if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        {
            let mut reasons = cancelled.cancellation_reasons().iter();
            match reasons.position(|reason| reason.code() == Some("ConditionalCheckFailed")) {
                Some(0) => return Ok(Committed::Overtaken),
                Some(_) => return Ok(Committed::Refused),
                None => {}
            }
        }
        Err(unavailable("TransactWriteItems", error))
    }

    /// Returns the write of the position. `build` fails only without a table name or an item.
    fn position(&self, event: &Event) -> TransactWriteItem {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let position = Position::at(event, self.kept);
        let put = Put::builder()
            .table_name(&self.table)
            // Serialization fails only for map keys that are not strings. A position has no map.
            .set_item(serde_dynamo::to_item(position).ok())
            .condition_expression(
                "attribute_not_exists(#subject) OR #epoch < :epoch OR (#epoch = :epoch AND #sequence < :sequence)",
            )
            // Placeholders, since DynamoDB reserves words that the embedded database does not.
            .expression_attribute_names("#subject", "subject")
            .expression_attribute_names("#epoch", "epoch")
            .expression_attribute_names("#sequence", "sequence")
            .expression_attribute_values(":epoch", number(event.epoch))
            .expression_attribute_values(":sequence", number(event.sequence));
        TransactWriteItem::builder().set_put(put.build().ok()).build()
    }
}

impl Position {
    fn at(event: &Event, kept: Option<Duration>) -> Self {
        let happened_at = u64::try_from(event.occurred_at_millis / 1000).unwrap_or(0);
        Self {
            subject: event.subject.clone(),
            epoch: event.epoch,
            sequence: event.sequence,
            event_id: event.id.clone(),
            ttl: kept.map(|kept| happened_at.saturating_add(kept.as_secs())),
        }
    }

    fn read(item: HashMap<String, AttributeValue>) -> Result<Self, PositionError> {
        // `serde_dynamo` panics on types that the SDK does not know.
        if let Some((name, _)) = item.iter().find(|(_, value)| value.is_unknown()) {
            return Err(PositionError::Malformed { attribute: name.clone() });
        }
        let item = serde_dynamo::AttributeValue::M(serde_dynamo::Item::from(item).into_inner());
        let item = serde_dynamo::Deserializer::from_attribute_value(item);
        serde_path_to_error::deserialize(item)
            .map_err(|error| PositionError::Malformed { attribute: attribute(&error) })
    }
}

/// Returns the name of the attribute that an error is about. `serde` only mentions a missing one in the message.
fn attribute(error: &serde_path_to_error::Error<serde_dynamo::Error>) -> String {
    if let Some(Segment::Map { key }) = error.path().iter().next() {
        return key.clone();
    }
    let message = error.inner().to_string();
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    missing.unwrap_or_default().to_owned()
}

fn verdict(held: Option<&Position>, event: &Event) -> Result<Verdict, PositionError> {
    let next = match held {
        None => 1,
        Some(held) if event.epoch < held.epoch => return Ok(Verdict::Stale),
        // Events that took effect before a restore may no longer exist.
        Some(held) if event.epoch > held.epoch => return Ok(Verdict::Gap { missing_from: 1 }),
        Some(held) if event.sequence == held.sequence => {
            let is_same = event.id == held.event_id;
            return if is_same { Ok(Verdict::Duplicate) } else { Err(PositionError::Renumbered) };
        }
        Some(held) => held.sequence.saturating_add(1),
    };
    Ok(match event.sequence {
        sequence if sequence < next => Verdict::Stale,
        sequence if sequence == next => Verdict::New,
        _ => Verdict::Gap { missing_from: next },
    })
}

fn unavailable<E: std::error::Error + Send + Sync + 'static>(
    operation: &'static str,
    error: aws_sdk_dynamodb::error::SdkError<E>,
) -> PositionError {
    PositionError::Unavailable { operation, source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(epoch: u64, sequence: u64, id: &str) -> Event {
        let detail = format!(
            r#"{{"specversion":"1.0","id":"{id}","type":"t","subject":"user#1","time":"2026-11-21T03:00:00Z",
            "sequence":"{sequence}","epoch":{epoch},"correlationid":"c","data":{{}}}}"#
        );
        Event::from_detail(&detail).expect("an event")
    }

    #[test]
    fn an_event_is_judged_by_epoch_and_number_and_id() {
        let held = Position::at(&event(2, 5, "e5"), None);
        let nobody = None;
        let cases = [
            (nobody, event(1, 1, "e1"), Verdict::New),
            (nobody, event(3, 4, "e4"), Verdict::Gap { missing_from: 1 }),
            (Some(&held), event(2, 6, "e6"), Verdict::New),
            (Some(&held), event(2, 5, "e5"), Verdict::Duplicate),
            (Some(&held), event(2, 4, "e4"), Verdict::Stale),
            (Some(&held), event(2, 9, "e9"), Verdict::Gap { missing_from: 6 }),
            (Some(&held), event(1, 9, "old"), Verdict::Stale),
            (Some(&held), event(3, 6, "e6"), Verdict::Gap { missing_from: 1 }),
            (Some(&held), event(3, 1, "e1"), Verdict::Gap { missing_from: 1 }),
        ];
        for (held, event, expected) in cases {
            let judged = verdict(held, &event).expect("a verdict");
            assert_eq!(judged, expected, "{} {}", event.epoch, event.sequence);
        }
        let other = verdict(Some(&held), &event(2, 5, "another"));
        assert!(matches!(other, Err(PositionError::Renumbered)));
    }
}
