//! What operators do to events. Each write is made only if the event still is what the operator saw:
//! relay and sweeper go on meanwhile.

use aws_sdk_dynamodb::{
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{DeleteRequest, WriteRequest},
};
use domain::Timestamp;

use crate::{
    EventKey, Outbox, State, StoreError, StoredEvent,
    dynamodb::attributes::{Attributes, millis, number, text, values},
    outbox::{event::event_key, event_item},
};

/// DynamoDB's limit of one `BatchWriteItem`.
const DELETES: usize = 25;

impl Outbox {
    /// Makes a pending event due now, though it was put off. Says whether it still was as it was seen.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn retry(&self, seen: &StoredEvent, now: Timestamp) -> Result<bool, StoreError> {
        let values = values([
            (":pending", text(State::Pending.name())),
            (":attempts", number(seen.attempts)),
            (":seen", millis(seen.next_attempt_at)),
            (":now", millis(now)),
            (":due_sk", text(event_item::due_sk(now.millis(), &seen.key.stream, seen.key.sequence))),
        ]);
        let update = self
            .update(&seen.key, values)
            .update_expression("SET next_attempt_at = :now, due_sk = :due_sk")
            .condition_expression("#state = :pending AND attempts = :attempts AND next_attempt_at = :seen");
        written(update).await
    }

    /// Makes a dead event pending again, due now and with all its attempts. Says whether it was dead.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn requeue(&self, key: &EventKey, now: Timestamp) -> Result<bool, StoreError> {
        let values = values([
            (":dead", text(State::Dead.name())),
            (":pending", text(State::Pending.name())),
            (":none", number(0)),
            (":now", millis(now)),
            (":due_pk", text(event_item::due_shard(&key.stream).to_string())),
            (":due_sk", text(event_item::due_sk(now.millis(), &key.stream, key.sequence))),
        ]);
        let update = self
            .update(key, values)
            .update_expression(
                "SET #state = :pending, attempts = :none, next_attempt_at = :now, requeued_at = :now, due_pk = :due_pk, due_sk = :due_sk",
            )
            .condition_expression("#state = :dead");
        written(update).await
    }

    /// Gives a dead event or a quarantined record up for ever; it is kept as long as a delivered one,
    /// so that the gap in its stream has a reason. Says whether it was dead or quarantined.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn discard(&self, key: &EventKey, now: Timestamp) -> Result<bool, StoreError> {
        const GIVE_UP: &str = "SET #state = :discarded, discarded_at = :now";
        let values = values([
            (":dead", text(State::Dead.name())),
            (":discarded", text(State::Discarded.name())),
            (":quarantine", text("quarantine#")),
            (":now", millis(now)),
        ]);
        let update = match self.retention {
            None => self.update(key, values).update_expression(format!("{GIVE_UP} REMOVE due_pk, due_sk")),
            Some(retention) => self
                .update(key, values)
                .update_expression(format!("{GIVE_UP}, #ttl = :ttl REMOVE due_pk, due_sk"))
                .expression_attribute_names("#ttl", "ttl")
                .expression_attribute_values(":ttl", number(now.plus(retention).seconds())),
        };
        // A quarantined record has no state until it is discarded.
        let update = update
            .condition_expression(
                "#state = :dead OR (attribute_not_exists(#state) AND begins_with(#stream, :quarantine))",
            )
            .expression_attribute_names("#stream", "stream");
        written(update).await
    }

    /// Deletes delivered and discarded events. Nothing ever makes them anything else, so this needs
    /// no condition, and 25 are one call.
    ///
    /// # Errors
    /// If the table does not answer, or goes on taking some of them only.
    pub async fn delete(&self, settled: &[EventKey]) -> Result<(), StoreError> {
        for keys in settled.chunks(DELETES) {
            let requests = keys.iter().filter_map(|key| {
                let delete = DeleteRequest::builder().set_key(Some(event_key(key))).build().ok()?;
                Some(WriteRequest::builder().delete_request(delete).build())
            });
            self.write_all(requests.collect()).await?;
        }
        Ok(())
    }

    /// What the table has not taken for now is sent again, later and later.
    async fn write_all(&self, mut requests: Vec<WriteRequest>) -> Result<(), StoreError> {
        let mut pauses = (0..8).map(|doubled| std::time::Duration::from_millis(50 << doubled));
        loop {
            let write = self.dynamodb.batch_write_item().request_items(&self.table, requests);
            let answer = write.send().await.map_err(|error| StoreError::of("BatchWriteItem", error))?;
            requests = answer.unprocessed_items.unwrap_or_default().into_values().flatten().collect();
            if requests.is_empty() {
                return Ok(());
            }
            let pause = pauses.next().ok_or(StoreError::Throttled)?;
            tokio::time::sleep(pause).await;
        }
    }

    fn update(&self, key: &EventKey, values: Attributes) -> UpdateItemFluentBuilder {
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(event_key(key)))
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(values))
    }
}

/// Whether the write was made; if not, its condition did not hold.
async fn written(update: UpdateItemFluentBuilder) -> Result<bool, StoreError> {
    match update.send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
            _ => Err(StoreError::of("UpdateItem", error)),
        },
    }
}
