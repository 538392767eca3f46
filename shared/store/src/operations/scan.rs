//! Looking into the tables, page by page: what operators decide on. Reads of the table are strongly
//! consistent; the index lags behind it.

use domain::{Timestamp, UserId};
use serde::Deserialize;

use crate::{
    EventKey, Identities, InvalidItem, NextPage, Outbox, OutboxItem, Page, PendingEvent, State, StoreError,
    dynamodb::{
        attributes::{Attributes, number, text, text_of},
        item::Item,
        page::page,
        value::Millis,
    },
    identities::{keys, user_item},
    outbox::{
        event::event_key,
        event_item::{EventItem, EventKeyItem},
        item::{PROJECTED, PROJECTION},
    },
};

/// What reconciling needs to know of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserVersion {
    /// Who it is.
    pub id: UserId,
    /// The number of the user's last event.
    pub version: u64,
    /// When the user's first event was committed.
    pub created_at: Timestamp,
}

impl Outbox {
    /// The item at a key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn item(&self, key: &EventKey) -> Result<Option<OutboxItem>, StoreError> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_key(Some(event_key(key)))
            .projection_expression(PROJECTION)
            .set_expression_attribute_names(Some(names()));
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(answer.item.map(OutboxItem::of))
    }

    /// The items of a stream, in order.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn history(
        &self,
        stream: &str,
        start: Option<NextPage>,
    ) -> Result<Page<OutboxItem>, StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#stream = :stream")
            .expression_attribute_values(":stream", text(stream))
            .projection_expression(PROJECTION)
            .set_expression_attribute_names(Some(names()))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        Ok(page(answer.items, answer.last_evaluated_key, OutboxItem::of))
    }

    /// The delivered events of a stream that were committed from `since` on and before `until`, in
    /// order, as they were published.
    ///
    /// # Errors
    /// If the table does not answer, or if one of the events cannot be read.
    pub async fn delivered_of(
        &self,
        stream: &str,
        since: Timestamp,
        until: Timestamp,
        start: Option<NextPage>,
    ) -> Result<Page<PendingEvent>, StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#stream = :stream")
            .filter_expression("#state = :delivered AND created_at >= :since AND created_at < :until")
            .set_expression_attribute_names(Some(names()))
            .expression_attribute_values(":stream", text(stream))
            .expression_attribute_values(":delivered", text(State::Delivered.name()))
            .expression_attribute_values(":since", number(since.millis()))
            .expression_attribute_values(":until", number(until.millis()))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| EventItem::read(item).map(PendingEvent::from));
        let items = items.collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }

    /// Every item of the table. The events of a stream come in their order.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn scan(&self, start: Option<NextPage>) -> Result<Page<OutboxItem>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression(PROJECTION)
            .set_expression_attribute_names(Some(names()))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        Ok(page(answer.items, answer.last_evaluated_key, OutboxItem::of))
    }

    /// The keys of what needs nobody any more since before `before`: delivered or discarded events.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn settled_before(
        &self,
        before: Timestamp,
        start: Option<NextPage>,
    ) -> Result<Page<EventKey>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("(#state = :delivered AND delivered_at < :before) OR (#state = :discarded AND discarded_at < :before)")
            .projection_expression("#stream, seq")
            .set_expression_attribute_names(Some(names()))
            .expression_attribute_values(":delivered", text(State::Delivered.name()))
            .expression_attribute_values(":discarded", text(State::Discarded.name()))
            .expression_attribute_values(":before", number(before.millis()))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| EventKeyItem::read(item).map(EventKey::from));
        let items = items.collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }
}

impl Identities {
    /// A user's version, also of one who was erased.
    ///
    /// # Errors
    /// If the table does not answer, or if the item cannot be read.
    pub async fn user_version(&self, id: UserId) -> Result<Option<UserVersion>, StoreError> {
        Ok(self.get(keys::user(id)).await?.map(parse_user_version).transpose()?)
    }

    /// Every user's version; the key of an item that cannot be read instead of it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn user_versions(
        &self,
        start: Option<NextPage>,
    ) -> Result<Page<Result<UserVersion, String>>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("sk = :user")
            .expression_attribute_values(":user", text("USER"))
            .projection_expression("pk, version, created_at")
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        Ok(page(answer.items, answer.last_evaluated_key, user_version))
    }
}

/// The attributes that a user and a tombstone have in common.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct UserVersionItem {
    version: u64,
    created_at: Millis,
}

fn parse_user_version(item: Attributes) -> Result<UserVersion, InvalidItem> {
    let id = user_item::id(&item)?;
    let UserVersionItem { version, created_at } = Item::read(item)?;
    Ok(UserVersion { id, version, created_at: created_at.0 })
}

fn user_version(item: Attributes) -> Result<UserVersion, String> {
    let pk = text_of(&item, "pk").unwrap_or_default().to_owned();
    parse_user_version(item).map_err(|_| pk)
}

fn names() -> std::collections::HashMap<String, String> {
    PROJECTED.map(|(placeholder, name)| (placeholder.to_owned(), name.to_owned())).into()
}
