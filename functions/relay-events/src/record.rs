//! Records of the table's stream, as Lambda delivers them.

use std::str::FromStr;

use domain::Timestamp;
use serde::Deserialize;
use serde_json::value::{RawValue, Value};
use store::{EventKey, PendingEvent};

/// A record and its position in the shard.
#[derive(Debug)]
pub(crate) struct Record {
    /// The sequence number in the shard, which reports a failure.
    pub(crate) position: String,
    /// The key of the item, if the record has one.
    pub(crate) key: Option<EventKey>,
    pub(crate) content: Content,
}

/// The content of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A committed event.
    Event(Box<PendingEvent>),
    /// Another change, which the relay ignores.
    Other,
    /// A commit that cannot be parsed.
    Unreadable,
}

/// The parts that every record has, even a malformed one.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "eventName")]
    name: String,
    dynamodb: Position,
}

#[derive(Deserialize)]
struct Position {
    #[serde(rename = "SequenceNumber")]
    sequence_number: String,
    #[serde(rename = "Keys")]
    keys: Option<Keys>,
}

#[derive(Deserialize)]
struct Keys {
    stream: Text,
    /// Any value: a record with a malformed number still has a position.
    #[serde(default)]
    seq: Value,
}

#[derive(Deserialize)]
struct Committed {
    dynamodb: New,
}

#[derive(Deserialize)]
struct New {
    #[serde(rename = "NewImage")]
    image: Image,
}

/// The outbox item, in DynamoDB's JSON.
#[derive(Deserialize)]
struct Image {
    stream: Text,
    seq: Number,
    event_id: Text,
    detail_type: Text,
    detail: Text,
    created_at: Number,
    #[serde(default)]
    state: Value,
    attempts: Number,
    next_attempt_at: Number,
}

#[derive(Deserialize)]
struct Text {
    #[serde(rename = "S")]
    value: String,
}

/// A number, which DynamoDB writes as text.
#[derive(Deserialize)]
struct Number {
    #[serde(rename = "N")]
    value: String,
}

impl Record {
    /// Parses a record. Returns `None` if it has no position.
    pub(crate) fn parse(raw: &RawValue) -> Option<Self> {
        let Frame { name, dynamodb } = serde_json::from_str(raw.get()).ok()?;
        let stream = dynamodb.keys.as_ref().map_or("", |keys| &keys.stream.value);
        // The filter of the mapping excludes both. A relay that quarantined its own quarantine would never
        // end.
        let content = if name != "INSERT" || stream.starts_with("quarantine#") {
            Content::Other
        } else {
            content(raw).unwrap_or(Content::Unreadable)
        };
        Some(Self { position: dynamodb.sequence_number, key: dynamodb.keys.and_then(Keys::key), content })
    }
}

impl Keys {
    fn key(self) -> Option<EventKey> {
        let sequence = self.seq["N"].as_str()?.parse().ok()?;
        Some(EventKey { stream: self.stream.value, sequence })
    }
}

fn content(raw: &RawValue) -> Option<Content> {
    let Committed { dynamodb: New { image } } = serde_json::from_str(raw.get()).ok()?;
    // An event that was copied from another system, where it was settled.
    if image.state["S"].as_str().is_some_and(|state| state != "pending") {
        return Some(Content::Other);
    }
    Some(Content::Event(Box::new(image.event()?)))
}

impl Image {
    fn event(self) -> Option<PendingEvent> {
        Some(PendingEvent {
            key: EventKey { stream: self.stream.value, sequence: self.seq.parse()? },
            event_id: self.event_id.value,
            detail_type: self.detail_type.value,
            detail: self.detail.value,
            created_at: Timestamp::from_millis(self.created_at.parse()?),
            attempts: self.attempts.parse()?,
            next_attempt_at: Timestamp::from_millis(self.next_attempt_at.parse()?),
        })
    }
}

impl Number {
    fn parse<T: FromStr>(&self) -> Option<T> {
        self.value.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn record() -> Value {
        json!({
            "eventID": "1", "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_763_694_000.0,
                "SequenceNumber": "700000000001",
                "Keys": {"stream": {"S": "user#1"}, "seq": {"N": "2"}},
                "NewImage": {
                    "stream": {"S": "user#1"}, "seq": {"N": "2"}, "state": {"S": "pending"},
                    "event_id": {"S": "e1"}, "detail_type": {"S": "user.registered"}, "detail": {"S": "{}"},
                    "created_at": {"N": "1000"}, "attempts": {"N": "0"}, "next_attempt_at": {"N": "1000"},
                },
            },
        })
    }

    fn parse(record: &Value) -> Option<Record> {
        Record::parse(&serde_json::value::to_raw_value(record).expect("JSON"))
    }

    #[test]
    fn a_committed_event_is_read() {
        let read = parse(&record()).expect("a record");

        assert_eq!(read.position, "700000000001");
        let event = PendingEvent {
            key: EventKey { stream: "user#1".to_owned(), sequence: 2 },
            event_id: "e1".to_owned(),
            detail_type: "user.registered".to_owned(),
            detail: "{}".to_owned(),
            created_at: Timestamp::from_millis(1000),
            attempts: 0,
            next_attempt_at: Timestamp::from_millis(1000),
        };
        assert_eq!(read.content, Content::Event(Box::new(event)));
    }

    #[test]
    fn marks_and_quarantined_records_are_ignored() {
        let mut mark = record();
        mark["eventName"] = json!("MODIFY");
        let mut quarantined = record();
        quarantined["dynamodb"]["Keys"]["stream"]["S"] = json!("quarantine#1");

        for other in [mark, quarantined] {
            assert_eq!(parse(&other).map(|record| record.content), Some(Content::Other));
        }
    }

    #[test]
    fn copied_events_that_were_settled_before_are_ignored() {
        for state in ["delivered", "dead", "discarded"] {
            let mut copied = record();
            copied["dynamodb"]["NewImage"]["state"]["S"] = json!(state);

            assert_eq!(parse(&copied).map(|record| record.content), Some(Content::Other), "{state}");
        }
    }

    #[test]
    fn an_incomplete_commit_is_unreadable() {
        for attribute in ["stream", "seq", "event_id", "detail_type", "detail", "created_at"] {
            for spoiled in [Value::Null, json!({"BOOL": true}), json!({"N": "many"})] {
                let mut record = record();
                record["dynamodb"]["NewImage"][attribute] = spoiled;
                assert_eq!(
                    parse(&record).map(|record| record.content),
                    Some(Content::Unreadable),
                    "{attribute}"
                );
            }
        }
        let mut without_keys = record();
        without_keys["dynamodb"] = json!({"SequenceNumber": "1"});
        assert_eq!(parse(&without_keys).map(|record| record.content), Some(Content::Unreadable));
    }

    #[test]
    fn a_record_without_a_position_is_none() {
        let mut record = record();
        record["dynamodb"]["SequenceNumber"] = Value::Null;
        assert!(parse(&record).is_none());
    }
}
