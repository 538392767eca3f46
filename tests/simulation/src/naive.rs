//! Relays as they are often written, to see that the simulation finds what is wrong with them.
//!
//! They publish a batch in chunks of ten, mark what they believe was taken, and have no memory. One has
//! no waves: events of one user fly together. One does not read its answers entry by entry. One makes
//! the text of an event anew each time.

use aws_sdk_eventbridge::{Client, config::retry::RetryConfig, types::PutEventsRequestEntry};
use cloud::{Clock, Cloud, Function, Invocation, InvocationError, SettingError};
use local::functions::{Build, mount};
use serde_json::{Value, json};
use store::{EventKey, Outbox};

/// Reads its answers entry by entry; publishes a user's events in one call.
pub const WITHOUT_WAVES: Build = |cloud| mount(NaiveRelay::new(cloud, Flaw::NoWaves));
/// Publishes event by event, each user's in order; believes that a call that was answered took all.
pub const ENTRIES_IGNORED: Build = |cloud| mount(NaiveRelay::new(cloud, Flaw::EntriesIgnored));
/// Publishes event by event, each user's in order; says in each when it was published.
pub const TEXT_MADE_ANEW: Build = |cloud| mount(NaiveRelay::new(cloud, Flaw::TextMadeAnew));

#[derive(PartialEq, Eq)]
enum Flaw {
    NoWaves,
    EntriesIgnored,
    TextMadeAnew,
}

struct NaiveRelay {
    eventbridge: Client,
    bus: String,
    outbox: Outbox,
    clock: Clock,
    flaw: Flaw,
}

struct Entry {
    position: Value,
    key: EventKey,
    request: PutEventsRequestEntry,
}

impl NaiveRelay {
    fn new(cloud: &Cloud, flaw: Flaw) -> Result<Self, SettingError> {
        let config = aws_sdk_eventbridge::config::Builder::from(cloud.sdk());
        Ok(Self {
            eventbridge: Client::from_conf(config.retry_config(RetryConfig::disabled()).build()),
            bus: cloud.settings().text("EVENT_BUS")?,
            outbox: Outbox::new(cloud)?,
            clock: cloud.clock(),
            flaw,
        })
    }

    /// `None` for what cannot be read: it is passed over.
    fn entry(&self, record: &Value) -> Option<Entry> {
        let image = &record["dynamodb"]["NewImage"];
        let text = |name: &str| image[name]["S"].as_str();
        let request = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source("gatepost")
            .detail_type(text("detail_type")?)
            .detail(self.detail(text("detail")?))
            .build();
        let key = EventKey {
            stream: text("stream")?.to_owned(),
            sequence: image["seq"]["N"].as_str()?.parse().ok()?,
        };
        Some(Entry { position: record["dynamodb"]["SequenceNumber"].clone(), key, request })
    }

    fn detail(&self, committed: &str) -> String {
        let mut detail: Value = serde_json::from_str(committed).unwrap_or_default();
        if self.flaw != Flaw::TextMadeAnew || !detail.is_object() {
            return committed.to_owned();
        }
        detail["published_at"] = self.clock.now().to_string().into();
        detail.to_string()
    }

    /// The positions in a chunk that it believes were taken; `None` if the call failed.
    async fn publish(&self, chunk: &[Entry]) -> Option<Vec<bool>> {
        let entries = chunk.iter().map(|entry| entry.request.clone()).collect();
        let answer = self.eventbridge.put_events().set_entries(Some(entries)).send().await.ok()?;
        let taken = answer.entries().iter().map(|entry| entry.error_code().is_none());
        Some(match self.flaw {
            Flaw::NoWaves | Flaw::TextMadeAnew => taken.collect(),
            Flaw::EntriesIgnored => vec![true; chunk.len()],
        })
    }
}

impl Function for NaiveRelay {
    type Event = Value;
    type Answer = Value;

    async fn call(&self, batch: Value, _: Invocation) -> Result<Value, InvocationError> {
        let records = batch["Records"].as_array().ok_or(InvocationError("no records"))?;
        let entries: Vec<_> = records.iter().filter_map(|record| self.entry(record)).collect();
        let size = if self.flaw == Flaw::NoWaves { 10 } else { 1 };
        for chunk in entries.chunks(size) {
            let taken = self.publish(chunk).await.unwrap_or_else(|| vec![false; chunk.len()]);
            for (entry, _) in chunk.iter().zip(&taken).filter(|(_, taken)| **taken) {
                let _ = self.outbox.delivered(&entry.key, "unknown", self.clock.now()).await;
            }
            if let Some(failed) = taken.iter().position(|taken| !taken) {
                return Ok(json!({"batchItemFailures": [{"itemIdentifier": chunk[failed].position}]}));
            }
        }
        Ok(json!({"batchItemFailures": []}))
    }
}
