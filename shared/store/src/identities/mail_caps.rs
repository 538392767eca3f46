//! How many mails an address was sent. Addresses are hashed: these items outlive the erasure of the user.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::AttributeValue};
use domain::{CanonicalEmail, Timestamp};

use crate::{
    AddressHash, Identities, StoreError,
    dynamodb::attributes::{key, number, text},
};

const SECONDS_OF_HOUR: i64 = 60 * 60;
const SECONDS_OF_DAY: i64 = 24 * SECONDS_OF_HOUR;

/// How many mails of one kind an address may get.
#[derive(Clone, Copy, Debug)]
pub struct MailCap {
    /// What they are counted under.
    pub kind: &'static str,
    /// In an hour (UTC).
    pub per_hour: u32,
    /// In a day (UTC).
    pub per_day: u32,
}

impl Identities {
    /// Counts the mail that the event `event_id` asks for, if the address may still get one: one
    /// conditional write. Returns whether it may. The same event is counted once, however often it is
    /// tried.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn may_be_mailed(
        &self,
        email: &CanonicalEmail,
        cap: MailCap,
        event_id: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let day = now.seconds().div_euclid(SECONDS_OF_DAY);
        let hour = now.seconds().rem_euclid(SECONDS_OF_DAY) / SECONDS_OF_HOUR;
        let key = key(format!("LIMIT#mail#{}", AddressHash::of(email).as_str()), format!("LIMIT#{day}"));
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .update_expression("SET #ttl = :ttl ADD #hour :events, #day :events")
            .condition_expression(
                "(attribute_not_exists(#hour) OR size(#hour) < :per_hour OR contains(#hour, :event)) \
                 AND (attribute_not_exists(#day) OR size(#day) < :per_day OR contains(#day, :event))",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#hour", format!("{}@{hour}", cap.kind))
            .expression_attribute_names("#day", cap.kind)
            .expression_attribute_values(":ttl", number((day + 1) * SECONDS_OF_DAY))
            .expression_attribute_values(":per_hour", number(cap.per_hour))
            .expression_attribute_values(":per_day", number(cap.per_day))
            .expression_attribute_values(":event", text(event_id))
            .expression_attribute_values(":events", AttributeValue::Ss(vec![event_id.to_owned()]));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}
