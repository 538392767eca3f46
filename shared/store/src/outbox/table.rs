//! The outbox as relay and sweeper see it: what waits for delivery, and what became of it.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::{
        put_item::PutItemError,
        query::builders::QueryFluentBuilder,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::Select,
};
use cloud::{Cloud, SettingError};
use domain::Timestamp;

use crate::{
    EventKey, NextPage, Page, PendingEvent, State, StoreError, Waiting,
    dynamodb::{
        attributes::{Attributes, millis, number, text, text_of, texts, values},
        capacity::counted_client,
        item::{self, Item},
        value::Millis,
    },
    outbox::{
        event::event_key,
        event_item::{self, DUE_SHARDS, DueItem, EventItem, QuarantinedItem},
    },
};

const DAY: Duration = Duration::from_hours(24);
/// Keys of one page of the index `due`.
const PAGE: i32 = 100;
/// Keys of a shard of the index `due` that are counted, at most.
const COUNTED: i32 = 1000;
/// Bytes of an error or a quarantined record that are kept: an item holds 400 KB.
const MAX_ERROR_BYTES: usize = 500;
const MAX_RAW_BYTES: usize = 300_000;

/// The table Events, for those who deliver what is in it.
#[derive(Clone, Debug)]
pub struct Outbox {
    pub(crate) dynamodb: Client,
    pub(crate) table: String,
    /// How long a delivered event is kept; `None` for ever.
    pub(crate) retention: Option<Duration>,
}

impl Outbox {
    /// The table and the retention that the settings `EVENTS_TABLE` and `EVENT_RETENTION_DAYS` name.
    ///
    /// # Errors
    /// If one of them is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let days: u32 = cloud.settings().parsed("EVENT_RETENTION_DAYS")?;
        Ok(Self {
            dynamodb: counted_client(cloud),
            table: cloud.settings().text("EVENTS_TABLE")?,
            retention: (days > 0).then(|| DAY * days),
        })
    }

    /// The shards of the index `due`.
    pub fn shards() -> impl Iterator<Item = u32> {
        0..DUE_SHARDS
    }

    /// An event as it is now, if it waits for its delivery, by a strongly consistent read.
    ///
    /// # Errors
    /// If the table does not answer, or if the event cannot be read.
    pub async fn pending(&self, key: &EventKey) -> Result<Option<PendingEvent>, StoreError> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_key(Some(event_key(key)));
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        let event = answer.item.filter(is_pending).map(EventItem::read).transpose()?;
        Ok(event.map(PendingEvent::from))
    }

    /// Whether an event waits for its delivery, by a strongly consistent read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn is_pending(&self, key: &EventKey) -> Result<bool, StoreError> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .consistent_read(true)
            .set_key(Some(event_key(key)))
            .projection_expression("#state")
            .expression_attribute_names("#state", "state");
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(answer.item.is_some_and(|item| is_pending(&item)))
    }

    /// How many events of a shard are dead.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn dead_in(&self, shard: u32) -> Result<u64, StoreError> {
        let (mut dead, mut start) = (0, None);
        loop {
            let query = self.counted(event_item::dead_pk(shard)).set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
            dead += u64::try_from(answer.count).unwrap_or(0);
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(dead);
            }
        }
    }

    /// How many of the events of a shard that are due first were committed before `moment`, and wait; of
    /// thousands not all.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn waiting_in(&self, shard: u32, moment: Timestamp) -> Result<u64, StoreError> {
        let query = self
            .counted(shard.to_string())
            .filter_expression("created_at < :moment")
            .expression_attribute_values(":moment", number(moment.millis()))
            .limit(COUNTED);
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        Ok(u64::try_from(answer.count).unwrap_or(0))
    }

    /// Counts what is in a partition of the index `due`.
    fn counted(&self, partition: String) -> QueryFluentBuilder {
        let query = self.dynamodb.query().table_name(&self.table).index_name("due").select(Select::Count);
        let query = query.key_condition_expression("due_pk = :partition");
        query.expression_attribute_values(":partition", text(partition))
    }

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
        let partition = if state == State::Dead { event_item::dead_pk(shard) } else { shard.to_string() };
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

    /// The pending events of a stream that end with `last`, in order and without a gap, by a strongly
    /// consistent read; empty if `last` itself is not pending. No event below them is unpublished:
    /// an event is only marked once all those before it are published or dead.
    ///
    /// # Errors
    /// If the table does not answer, or if one of the events cannot be read.
    pub async fn pending_up_to(&self, last: &EventKey) -> Result<Vec<PendingEvent>, StoreError> {
        let (mut run, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .scan_index_forward(false)
                .key_condition_expression("#stream = :stream AND seq <= :last")
                .expression_attribute_names("#stream", "stream")
                .expression_attribute_values(":stream", text(&last.stream))
                .expression_attribute_values(":last", number(last.sequence))
                .limit(PAGE)
                .set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
            let items = answer.items.unwrap_or_default();
            let (all, pending) = (items.len(), items.iter().take_while(|item| is_pending(item)).count());
            for item in items.into_iter().take(pending) {
                run.push(EventItem::read(item)?.into());
            }
            start = answer.last_evaluated_key;
            if pending < all || start.is_none() {
                run.reverse();
                return Ok(run);
            }
        }
    }

    /// Notes that the bus has taken an event, under an id of its own. Does nothing if that is noted.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delivered(
        &self,
        key: &EventKey,
        bus_event_id: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        const MARK: &str = "SET #state = :delivered, delivered_at = :now, bus_event_ids = :bus";
        let mut values = values([
            (":delivered", text(State::Delivered.name())),
            (":now", millis(now)),
            (":bus", texts(&[bus_event_id.to_owned()])),
        ]);
        let update = match self.retention {
            None => self.if_pending(key, values).update_expression(format!("{MARK} REMOVE due_pk, due_sk")),
            Some(retention) => {
                values.insert(":ttl".to_owned(), number(now.plus(retention).seconds()));
                // A canary may be lost, so it has an end from the beginning.
                let mark = format!("{MARK}, #ttl = if_not_exists(#ttl, :ttl) REMOVE due_pk, due_sk");
                self.if_pending(key, values).update_expression(mark).expression_attribute_names("#ttl", "ttl")
            }
        };
        marked(update.send().await)
    }

    /// Notes that the bus will never take an event. It stays, where operators look, until one of
    /// them decides.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn dead(&self, key: &EventKey, why: &str, now: Timestamp) -> Result<(), StoreError> {
        let values = values([
            (":dead", text(State::Dead.name())),
            (":why", text(clipped(why, MAX_ERROR_BYTES))),
            (":due_pk", text(event_item::dead_pk(event_item::due_shard(&key.stream)))),
            (":due_sk", text(event_item::due_sk(now.millis(), &key.stream, key.sequence))),
            (":one", number(1)),
        ]);
        let update = self.if_pending(key, values).update_expression(
            "SET #state = :dead, last_error = :why, due_pk = :due_pk, due_sk = :due_sk ADD attempts :one",
        );
        marked(update.send().await)
    }

    /// Notes that the `attempt`th attempt was in vain, and when the next one is due.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn postponed(
        &self,
        key: &EventKey,
        attempt: u32,
        why: &str,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let values = values([
            (":attempt", number(attempt)),
            (":why", text(clipped(why, MAX_ERROR_BYTES))),
            (":next", millis(next_attempt_at)),
            (":due_sk", text(event_item::due_sk(next_attempt_at.millis(), &key.stream, key.sequence))),
        ]);
        let update = self.if_pending(key, values).update_expression(
            "SET attempts = :attempt, last_error = :why, next_attempt_at = :next, due_sk = :due_sk",
        );
        marked(update.send().await)
    }

    /// Puts away the raw copy of a stream record that cannot be read: beside the event that it is of, where
    /// erasure finds it, or else at its position in the shard. Does nothing if it is there.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn quarantine(
        &self,
        (position, event): (&str, Option<&EventKey>),
        raw: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let item = QuarantinedItem {
            stream: event_item::quarantine(event.map_or(position, |event| &event.stream)),
            seq: event.map_or(1, |event| event.sequence),
            raw: Some(clipped(raw, MAX_RAW_BYTES).to_owned()),
            created_at: Millis(now),
            state: None,
        };
        let item = item::write(Attributes::new(), &item);
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // `stream` is a reserved word; the other half of the key serves as well.
            .condition_expression("attribute_not_exists(seq)");
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("PutItem", error)),
            },
        }
    }

    /// An update that is made only while the event waits: what became of it is said once.
    fn if_pending(&self, key: &EventKey, mut values: Attributes) -> UpdateItemFluentBuilder {
        values.insert(":pending".to_owned(), text(State::Pending.name()));
        self.dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(event_key(key)))
            .condition_expression("#state = :pending")
            .expression_attribute_names("#state", "state")
            .set_expression_attribute_values(Some(values))
    }
}

fn marked<T>(
    answer: Result<T, aws_sdk_dynamodb::error::SdkError<UpdateItemError>>,
) -> Result<(), StoreError> {
    match answer {
        Ok(_) => Ok(()),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
            _ => Err(StoreError::of("UpdateItem", error)),
        },
    }
}

fn is_pending(item: &Attributes) -> bool {
    text_of(item, "state") == Some(State::Pending.name())
}

/// The longest beginning of a text that has at most `bytes` bytes.
fn clipped(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
