//! Publishes events from the stream of the table Events to the bus: at least once, and in order for each
//! user.
//!
//! The stream orders the changes of one item. The events of a user are separate items, so the relay keeps
//! their order itself. It reports the first record that failed, and Lambda retries from there. Events that
//! cannot be delivered are left to the sweeper.

mod check;
mod record;

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use cloud::{Clock, Cloud, Function, Invocation, InvocationError, SettingError, chain};
use events::{GRACE, Publisher, Report};
use gatepost_consumer::BatchFailures;
use serde::Deserialize;
use serde_json::value::RawValue;
use store::{EventKey, Outbox, PendingEvent};

use crate::record::{Content, Record};

/// Publishes the events of the stream.
pub struct RelayEvents {
    outbox: Outbox,
    publisher: Publisher,
    clock: Clock,
    /// Events of a batch that Lambda will retry. The bus may have accepted some of them.
    tried: Mutex<HashSet<EventKey>>,
    /// Events that were published but still look pending, because marking them failed.
    unmarked: Mutex<HashSet<EventKey>>,
}

/// The highest number of events in `unmarked`. Beyond it they are forgotten, and the sweeper delivers their
/// successors.
const MOST_UNMARKED: usize = 1000;

/// The batch that Lambda reads from a stream.
#[derive(Debug, Deserialize)]
pub struct StreamBatch {
    #[serde(rename = "Records")]
    records: Vec<Box<RawValue>>,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<RelayEvents, SettingError> {
    let outbox = Outbox::new(cloud)?;
    let publisher = Publisher::new(cloud, outbox.clone())?;
    Ok(RelayEvents {
        outbox,
        publisher,
        clock: cloud.clock(),
        tried: Mutex::default(),
        unmarked: Mutex::default(),
    })
}

impl Function for RelayEvents {
    type Event = StreamBatch;
    type Answer = BatchFailures;

    async fn call(
        &self,
        batch: StreamBatch,
        invocation: Invocation,
    ) -> Result<BatchFailures, InvocationError> {
        let records = batch.records.iter().map(|raw| Record::parse(raw)).collect::<Option<Vec<_>>>();
        let records = records.ok_or(InvocationError("a record does not say where it is"))?;
        let mut failed = self.quarantine(&records, &batch.records).await;

        let checked = self.check(events(&records)).await;
        let published = self.publisher.publish(checked.publishable, invocation.deadline).await;
        let given_up = self.give_up(&published);
        let is_settled = |key: &EventKey| {
            checked.settled.contains(key) || published.is_settled(key) || given_up.contains(&*key.stream)
        };

        for Record { position, content, .. } in &records {
            if matches!(content, Content::Event(event) if !is_settled(&event.key)) {
                failed.insert(position);
            }
        }
        self.remember_unmarked(published.unmarked);
        let first = records.iter().position(|record| failed.contains(record.position.as_str()));
        self.remember(first.map_or(&[], |first| &records[first..]));
        Ok(first.map(|first| records[first].position.clone()).into_iter().collect())
    }
}

impl RelayEvents {
    /// Quarantines unreadable records, so that the shard can continue. Returns the positions of records that
    /// could not be quarantined.
    async fn quarantine<'a>(&self, records: &'a [Record], raw: &[Box<RawValue>]) -> HashSet<&'a str> {
        let mut failed = HashSet::new();
        for (Record { position, key, content }, raw) in records.iter().zip(raw) {
            if *content != Content::Unreadable {
                continue;
            }
            tracing::error!(position, "quarantining an unreadable record");
            let place = (position.as_str(), key.as_ref());
            if let Err(failure) = self.outbox.quarantine(place, raw.get(), self.clock.now()).await {
                tracing::error!(position, cause = chain(&failure), "failed to quarantine a record");
                failed.insert(position.as_str());
            }
        }
        failed
    }

    /// Returns the streams whose events the bus has refused for so long that the sweeper takes over. One
    /// event must not block its whole shard.
    fn give_up<'a>(&self, published: &'a Report) -> HashSet<&'a str> {
        let is_the_sweepers = |event: &PendingEvent| self.clock.now().since(event.created_at) > GRACE;
        let given_up = published.failed.iter().map(|(event, _)| event).filter(|event| is_the_sweepers(event));
        given_up
            .inspect(|event| tracing::warn!(event_id = event.event_id, "left an event to the sweeper"))
            .map(|event| &*event.key.stream)
            .collect()
    }

    fn remember_unmarked(&self, keys: HashSet<EventKey>) {
        let mut unmarked = self.unmarked.lock().unwrap_or_else(PoisonError::into_inner);
        if unmarked.len() + keys.len() > MOST_UNMARKED {
            unmarked.clear();
        }
        unmarked.extend(keys);
    }

    fn remember(&self, to_come_again: &[Record]) {
        let keys = events(to_come_again).into_iter().map(|event| event.key).collect();
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }
}

fn events(records: &[Record]) -> Vec<PendingEvent> {
    let event = |record: &Record| match &record.content {
        Content::Event(event) => Some(PendingEvent::clone(event)),
        Content::Other | Content::Unreadable => None,
    };
    records.iter().filter_map(event).collect()
}
