//! Looking into the tables, page by page: what operators decide on. Reads of the table are strongly
//! consistent; the index lags behind it.

use domain::{Timestamp, UserId};
use serde::Deserialize;

use crate::{
    Entry, EventKey, Identities, MalformedItem, NextPage, Outbox, PendingEvent, State, StoreError, Waiting,
    attributes::{Attributes, event_key, number, text, text_of},
    entry::{PROJECTED, PROJECTION},
    items::{DueItem, EventItem, EventKeyItem, Item, Millis},
    outbox::dead_pk,
    users,
};

/// Some of what was asked for. A page may be empty and not be the last.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next: Option<NextPage>,
}

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
    /// What the index `due` has in a shard: dead events, longest dead first, or else pending ones,
    /// longest due first; at most `most` a page. The index lags behind the table: what is named here
    /// may be settled already.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn indexed(
        &self,
        shard: u32,
        state: State,
        most: Option<i32>,
        start: Option<NextPage>,
    ) -> Result<Page<Waiting>, StoreError> {
        let partition = if state == State::Dead { dead_pk(shard) } else { shard.to_string() };
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name("due")
            .key_condition_expression("due_pk = :shard")
            .expression_attribute_values(":shard", text(partition))
            .set_limit(most)
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| DueItem::read(item)?.waiting()).collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }

    /// The item at a key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn entry(&self, key: &EventKey) -> Result<Option<Entry>, StoreError> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_key(Some(event_key(key)))
            .projection_expression(PROJECTION)
            .set_expression_attribute_names(Some(names()));
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(answer.item.map(Entry::of))
    }

    /// The items of a stream, in order.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn history(&self, stream: &str, start: Option<NextPage>) -> Result<Page<Entry>, StoreError> {
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
        Ok(page(answer.items, answer.last_evaluated_key, Entry::of))
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
    pub async fn scan(&self, start: Option<NextPage>) -> Result<Page<Entry>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression(PROJECTION)
            .set_expression_attribute_names(Some(names()))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        Ok(page(answer.items, answer.last_evaluated_key, Entry::of))
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
        Ok(self.get(users::key(id)).await?.map(parse_user_version).transpose()?)
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

fn parse_user_version(item: Attributes) -> Result<UserVersion, MalformedItem> {
    let id = users::id(&item)?;
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

fn page<T>(
    items: Option<Vec<Attributes>>,
    next: Option<Attributes>,
    parse: impl Fn(Attributes) -> T,
) -> Page<T> {
    Page { items: items.unwrap_or_default().into_iter().map(parse).collect(), next: next.map(NextPage) }
}
