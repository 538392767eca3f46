//! A lease: of those who would do the same work, one does it.

use std::time::Duration;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use domain::Timestamp;

use crate::{
    EventKey, Outbox, StoreError,
    dynamodb::attributes::{Attributes, millis, text, values},
    outbox::event::event_key,
};

impl Outbox {
    /// Takes the lease `name` for `holder`, for `time` at most. Says whether it was free. Clocks
    /// differ, so that two may hold it for a while: what it guards must bear that.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        time: Duration,
    ) -> Result<bool, StoreError> {
        let values =
            values([(":holder", text(holder)), (":now", millis(now)), (":until", millis(now.plus(time)))]);
        self.update_lease(
            name,
            "SET held_by = :holder, held_until = :until",
            "attribute_not_exists(held_by) OR held_until <= :now OR held_by = :holder",
            values,
        )
        .await
    }

    /// Gives a lease back, if `holder` still has it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn give_lease_back(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let values = values([(":holder", text(holder))]);
        self.update_lease(name, "REMOVE held_by, held_until", "held_by = :holder", values).await.map(drop)
    }

    async fn update_lease(
        &self,
        name: &str,
        update: &str,
        condition: &str,
        values: Attributes,
    ) -> Result<bool, StoreError> {
        let key = event_key(&EventKey { stream: format!("lease#{name}"), sequence: 1 });
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression(update)
            .condition_expression(condition)
            .set_expression_attribute_values(Some(values));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}
