//! EventBridge: takes events, keeps them, and puts those that a rule matches into its queues.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use cloud::{Clock, Random};
use domain::Timestamp;
use dynoxide::DynoxideError;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{
    answer::Answer,
    recent::Recent,
    sqs::{Message, Queue},
};
use crate::{
    activity::{News, Published},
    storage::{Journal, Shown},
    template::{ACCOUNT, DEFAULT_BUS, REGION, Rule, Template, id_of},
};

const LIST: &str = "events";
/// `docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html`. EventBridge has taken 1 MB since 2026; the
/// 256 KB that it took before are the limit here, since the journal keeps an event in one item.
const MAX_ENTRIES: usize = 10;
const MAX_BYTES: usize = 256 * 1024;
/// How long a custom bus knows what it has taken.
const DEDUPLICATION: Duration = Duration::from_mins(5);

/// The event buses of the template.
pub(crate) struct Bus {
    journal: Journal,
    template: Arc<Template>,
    queues: Arc<Vec<Queue>>,
    clock: Clock,
    news: broadcast::Sender<News>,
    /// The events to be shown; held while events are kept, so that numbers are in order.
    shown: Mutex<Shown>,
    /// Events that custom buses took lately, by event group and de-duplication id.
    known: Mutex<Recent<(String, String), ()>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    /// Given for a custom bus only.
    event_bus_arn: Option<String>,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    source: Option<String>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    time: Option<f64>,
    /// For a custom bus only.
    system_metadata: Option<SystemMetadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SystemMetadata {
    event_group_id: String,
    deduplication_id: String,
}

/// Why one entry was not taken.
struct EntryRefused(&'static str, String);

impl Bus {
    pub(crate) fn open(
        journal: &Journal,
        (template, queues): (&Arc<Template>, &Arc<Vec<Queue>>),
        clock: Clock,
        news: broadcast::Sender<News>,
        newest: Option<u64>,
    ) -> Result<Self, DynoxideError> {
        let shown = Mutex::new(Shown::open(journal, LIST, newest)?);
        let known = Mutex::new(Recent::new(DEDUPLICATION));
        let (template, queues) = (Arc::clone(template), Arc::clone(queues));
        Ok(Self { journal: journal.clone(), template, queues, clock, news, shown, known })
    }

    /// Answers `PutEvents`; the entries at the positions `refused` fail as if EventBridge were busy.
    pub(crate) fn put_events(&self, body: &[u8], refused: &[usize]) -> Answer {
        let Ok(mut request) = serde_json::from_slice::<Request>(body) else {
            return Answer::refusal(400, "SerializationException", "The request cannot be read.");
        };
        if let Some(arn) = &request.event_bus_arn {
            // Unlike a classic one, a custom bus that is not there is missed.
            let Some(behind) = self.template.custom_buses.get(id_of(arn)) else {
                return Answer::refusal(404, "ResourceNotFoundException", "There is no such bus.");
            };
            for entry in &mut request.entries {
                entry.event_bus_name = Some(behind.clone());
            }
        }
        if request.entries.is_empty() || request.entries.len() > MAX_ENTRIES {
            return Answer::refusal(400, "ValidationException", "A call has 1 to 10 entries.");
        }
        if request.entries.iter().map(Entry::size).sum::<usize>() > MAX_BYTES {
            let message = "Total size of the entries in the request is over the limit.";
            return Answer::refusal(400, "ValidationException", message);
        }
        let now = self.clock.now();
        let checked = request.entries.iter().enumerate().map(|(position, entry)| {
            if refused.contains(&position) {
                return Err(EntryRefused("InternalFailure", "The service is busy.".to_owned()));
            }
            entry.check(now)
        });
        let checked: Vec<_> = checked.collect();
        let taken = checked
            .iter()
            .zip(&request.entries)
            .filter_map(|(event, entry)| Some((event.as_ref().ok()?, entry)));
        let new: Vec<_> = taken.filter(|(_, entry)| !self.is_duplicate(entry, now)).collect();
        let kept: Vec<_> = new.iter().filter_map(|(_, entry)| entry.deduplication()).collect();
        if self.keep(new).is_err() {
            return Answer::refusal(500, "InternalException", "The events could not be stored.");
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for key in kept {
            known.insert(key, (), now);
        }
        drop(known);
        let failed = checked.iter().filter(|entry| entry.is_err()).count();
        let results: Vec<Value> = checked
            .into_iter()
            .map(|entry| match entry {
                Ok(event) => json!({"EventId": event.id}),
                Err(EntryRefused(code, message)) => json!({"ErrorCode": code, "ErrorMessage": message}),
            })
            .collect();
        Answer::json(&json!({"FailedEntryCount": failed, "Entries": results}))
    }

    /// Whether a custom bus has taken the same a short while ago.
    fn is_duplicate(&self, entry: &Entry, now: Timestamp) -> bool {
        let Some(key) = entry.deduplication() else { return false };
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key, now).is_some()
    }

    /// Keeps the events and the messages that rules make of them: all or nothing.
    fn keep(&self, events: Vec<(&Published, &Entry)>) -> Result<(), DynoxideError> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        let mut messages = Vec::new();
        for (event, entry) in &events {
            let bus = id_of(entry.event_bus_name.as_deref().unwrap_or(DEFAULT_BUS));
            // EventBridge takes events for a bus that does not exist, and drops them.
            if !self.template.buses.iter().any(|known| known == bus) {
                let trouble =
                    format!("an event was published to the bus {bus}, which the template does not have");
                let _ = self.news.send(News::Trouble(trouble));
                continue;
            }
            entries.push(serde_json::to_value(event).unwrap_or_default());
            messages.extend(self.messages(bus, event));
        }
        let added = entries.len() as u64;
        let mut changes = shown.changes(entries);
        changes.extend(messages.iter().map(|(queue, message)| queue.put(message)));
        self.journal.commit(changes)?;
        shown.advance(added);
        for (queue, message) in messages {
            queue.add(message);
        }
        for (event, _) in events {
            let _ = self.news.send(News::Event(event.clone()));
        }
        Ok(())
    }

    /// Returns the messages that the rules of a bus make of an event. EventBridge drops a message that is too large for
    /// its queue.
    fn messages<'a>(&'a self, bus: &str, event: &Published) -> Vec<(&'a Queue, Message)> {
        let delivered = event.delivered();
        let body = delivered.to_string();
        let rules = self.template.rules.iter();
        let matching = rules.filter(|rule| rule.bus == bus && rule.pattern.matches(&delivered));
        let queues = |rule: &Rule| {
            self.queues.iter().filter(|queue| rule.queues.contains(&queue.name)).collect::<Vec<_>>()
        };
        let (taken, too_small): (Vec<_>, Vec<_>) =
            matching.flat_map(queues).partition(|queue| body.len() <= queue.resource.max_message_bytes);
        for queue in too_small {
            let trouble =
                format!("a message of {} bytes is too large for the queue {}", body.len(), queue.name);
            let _ = self.news.send(News::Trouble(trouble));
        }
        let message = |queue: &'a Queue| (queue, queue.message(body.clone(), self.clock.now()));
        taken.into_iter().map(message).collect()
    }

    /// Brings what a service of AWS says to the rules of the bus that every account has.
    pub(crate) fn say(&self, source: &str, detail_type: &str, detail: Value) -> Result<(), DynoxideError> {
        let event = Published {
            id: Random::system().uuid().to_string(),
            time: self.clock.now().to_string(),
            source: source.to_owned(),
            detail_type: detail_type.to_owned(),
            detail,
        };
        let messages = self.messages(DEFAULT_BUS, &event);
        self.journal.commit(messages.iter().map(|(queue, message)| queue.put(message)).collect())?;
        for (queue, message) in messages {
            queue.add(message);
        }
        Ok(())
    }

    /// The published events that are kept, in order.
    pub(crate) fn published(&self) -> Result<Vec<Published>, DynoxideError> {
        let entries = self.journal.read(LIST)?.into_values();
        Ok(entries.filter_map(|entry| serde_json::from_value(entry).ok()).collect())
    }
}

impl Published {
    /// As a target of a rule gets it.
    fn delivered(&self) -> Value {
        json!({
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": ACCOUNT,
            "time": self.time,
            "region": REGION,
            "resources": [],
            "detail": self.detail,
        })
    }
}

impl Entry {
    /// What a custom bus tells duplicates by.
    fn deduplication(&self) -> Option<(String, String)> {
        let SystemMetadata { event_group_id, deduplication_id } = self.system_metadata.as_ref()?;
        Some((event_group_id.clone(), deduplication_id.clone()))
    }

    /// EventBridge's own way of counting.
    fn size(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail];
        let texts: usize = texts.iter().filter_map(|text| text.as_ref().map(String::len)).sum();
        texts + self.resources.iter().map(String::len).sum::<usize>() + self.time.map_or(0, |_| 14)
    }

    fn check(&self, now: Timestamp) -> Result<Published, EntryRefused> {
        let required = |name: &str, value: &Option<String>| {
            value.clone().filter(|value| !value.is_empty()).ok_or_else(|| {
                let reason = format!("Parameter {name} is not valid. Reason: {name} is a required argument.");
                EntryRefused("InvalidArgument", reason)
            })
        };
        let source = required("Source", &self.source)?;
        let detail_type = required("DetailType", &self.detail_type)?;
        let detail = required("Detail", &self.detail)?;
        if source.starts_with("aws.") {
            let message = "Not authorized for the source.".to_owned();
            return Err(EntryRefused("NotAuthorizedForSourceException", message));
        }
        if detail_type.len() > 128 || source.len() > 256 {
            return Err(EntryRefused("InvalidArgument", "Source or DetailType is too long.".to_owned()));
        }
        let detail = serde_json::from_str(&detail).ok().filter(Value::is_object);
        let detail =
            detail.ok_or_else(|| EntryRefused("MalformedDetail", "Detail is malformed.".to_owned()))?;
        Ok(Published {
            id: Random::system().uuid().to_string(),
            time: now.to_string(),
            source,
            detail_type,
            detail,
        })
    }
}
