//! What happened, as those see it whom it is about; and what is left of that once they are erased.

use aws_sdk_dynamodb::{Client, operation::update_item::UpdateItemError};
use cloud::{Cloud, SettingError};
use domain::{AttributesSchema, Envelope, Stream, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    EventKey, Identities, StoreError,
    dynamodb::{
        attributes::{Attributes, number, text},
        item::Item,
    },
    outbox::{
        event::event_key,
        event_item::{self, EventKeyItem, RAW},
    },
};

/// Events of a page when all are read.
const PAGE: i32 = 100;

/// The table Events, for those whom it is about.
#[derive(Clone, Debug)]
pub struct History {
    dynamodb: Client,
    table: String,
}

/// An event as it was published.
#[derive(Deserialize)]
pub(crate) struct PublishedItem {
    detail: String,
}

impl History {
    /// The table that the setting `EVENTS_TABLE` names, by the client of the other one.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, identities: &Identities) -> Result<Self, SettingError> {
        Ok(Self { dynamodb: identities.client(), table: cloud.settings().text("EVENTS_TABLE")? })
    }

    /// Returns the newest events of a stream as they were published, at most `most`, or the newest before the number
    /// `before`. With them comes the number to go on before, if there may be more.
    ///
    /// # Errors
    /// If the table does not answer, or if an event cannot be read.
    pub async fn newest(
        &self,
        stream: Stream,
        before: Option<u64>,
        most: u8,
    ) -> Result<(Vec<Box<RawValue>>, Option<u64>), StoreError> {
        let (items, next) = self.newest_items(stream, before, most).await?;
        let event = |PublishedItem { detail }| {
            RawValue::from_string(detail).map_err(|_| PublishedItem::malformed("detail"))
        };
        let events = items.into_iter().map(|item| PublishedItem::read(item).and_then(event));
        Ok((events.collect::<Result<_, _>>()?, next))
    }

    /// Returns the same for the user whom the events are about: without the attributes that they cannot read.
    ///
    /// # Errors
    /// If the table does not answer, or if an event cannot be read.
    pub async fn newest_for_user(
        &self,
        user: UserId,
        before: Option<u64>,
        most: u8,
        schema: &AttributesSchema,
    ) -> Result<(Vec<Box<RawValue>>, Option<u64>), StoreError> {
        let (items, next) = self.newest_items(Stream::User(user), before, most).await?;
        let event = |PublishedItem { detail }| {
            let malformed = || PublishedItem::malformed("detail");
            let seen = Envelope::for_user(&detail, schema).map_err(|_| malformed())?;
            RawValue::from_string(seen.unwrap_or(detail)).map_err(|_| malformed())
        };
        let events = items.into_iter().map(|item| PublishedItem::read(item).and_then(event));
        Ok((events.collect::<Result<_, _>>()?, next))
    }

    async fn newest_items(
        &self,
        stream: Stream,
        before: Option<u64>,
        most: u8,
    ) -> Result<(Vec<Attributes>, Option<u64>), StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(false)
            .key_condition_expression("#stream = :stream AND seq < :before")
            .projection_expression("detail")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_values(":stream", text(stream.to_string()))
            .expression_attribute_values(":before", number(before.unwrap_or(u64::from(u32::MAX))))
            .limit(most.into());
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let next = answer.last_evaluated_key.map(EventKeyItem::read).transpose()?;
        let next = next.map(|key| EventKey::from(key).sequence);
        // Before the first one there is none.
        Ok((answer.items.unwrap_or_default(), next.filter(|next| *next > 1)))
    }

    /// Takes what they say of a person out of all events of a stream, whatever has become of them, and out
    /// of the copies of their records that were quarantined: one that waits is then published without.
    /// Their numbers stay whole.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn redact(&self, stream: Stream) -> Result<(), StoreError> {
        let stream = stream.to_string();
        self.redact_all(&event_item::quarantine(&stream)).await?;
        self.redact_all(&stream).await
    }

    async fn redact_all(&self, partition: &str) -> Result<(), StoreError> {
        let mut start = None;
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("#stream = :stream")
                .projection_expression("#stream, seq, detail, #raw")
                .expression_attribute_names("#stream", "stream")
                .expression_attribute_names("#raw", RAW)
                .expression_attribute_values(":stream", text(partition))
                .limit(PAGE)
                .set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
            for item in answer.items.unwrap_or_default() {
                if let Some((attribute, redacted)) = redacted(&item) {
                    let key = EventKeyItem::read(item)?.into();
                    self.rewrite(&key, attribute, redacted).await?;
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(());
            }
        }
    }

    /// An event that has expired meanwhile stays gone.
    async fn rewrite(
        &self,
        key: &EventKey,
        attribute: &'static str,
        redacted: String,
    ) -> Result<(), StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(event_key(key)))
            .update_expression("SET #attribute = :redacted")
            .condition_expression("attribute_exists(#attribute)")
            .expression_attribute_names("#attribute", attribute)
            .expression_attribute_values(":redacted", text(redacted));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}

/// The attribute of an item that says something of a person, and what it is to be instead. What cannot be
/// read may say anything: nothing is left of it.
fn redacted(item: &Attributes) -> Option<(&'static str, String)> {
    if item.contains_key(RAW) {
        return Some((RAW, String::new()));
    }
    let detail = item.get("detail")?.as_s().map_or("", String::as_str);
    let redacted = Envelope::redact(detail).unwrap_or_else(|_not_an_event| Some(String::new()));
    redacted.map(|redacted| ("detail", redacted))
}
