//! The table Events, as a test fills and reads it.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use cloud::{Clock, Random};
use local::Stack;
use serde_json::{Value, json};

/// Randomness with which nobody waits: jitter, which asks for eight bytes, is nothing.
#[must_use]
pub fn without_waiting() -> Random {
    let system = Random::system();
    Random::of(move |bytes| match bytes.len() {
        8 => bytes.fill(0),
        _ => bytes.iter_mut().for_each(|byte| [*byte] = system.bytes()),
    })
}

/// The table Events.
pub struct Outbox {
    dynamodb: Client,
    table: String,
    clock: Clock,
}

impl Outbox {
    /// That of a stack.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let cloud = stack.cloud("register").expect("a function that writes events");
        let table = cloud.settings().text("EVENTS_TABLE").expect("the table's name");
        Self { dynamodb: Client::new(cloud.sdk()), table, clock: stack.clock() }
    }

    /// Commits an event, of a type that no rule asks for. Returns the record that the stream holds of it.
    pub async fn commit(&self, stream: &str, number: u64) -> Value {
        self.commit_detail(stream, number, &json!({"subject": stream, "n": number}).to_string()).await
    }

    /// Commits an event that says this.
    pub async fn commit_detail(&self, stream: &str, number: u64, detail: &str) -> Value {
        let now = self.clock.now().millis();
        let shard = stream.bytes().map(u32::from).sum::<u32>() % 16;
        let image = json!({
            "stream": {"S": stream}, "seq": {"N": number.to_string()}, "state": {"S": "pending"},
            "event_id": {"S": format!("{stream}/{number}")}, "detail_type": {"S": "session.started"},
            "detail": {"S": detail}, "created_at": {"N": now.to_string()}, "attempts": {"N": "0"},
            "next_attempt_at": {"N": now.to_string()}, "due_pk": {"S": shard.to_string()},
            "due_sk": {"S": format!("{now:015}#{stream}#{number:012}")},
        });
        let attributes = image.as_object().expect("an item").iter();
        let item = attributes.map(|(name, value)| (name.clone(), attribute(value))).collect();
        self.dynamodb.put_item().table_name(&self.table).set_item(Some(item)).send().await.expect("a place");
        let keys = json!({"stream": image["stream"], "seq": image["seq"]});
        json!({"eventName": "INSERT", "dynamodb": {
            "SequenceNumber": format!("{stream}/{number}"), "Keys": keys, "NewImage": image,
        }})
    }

    /// An event's attributes, as text.
    pub async fn item(&self, stream: &str, number: u64) -> BTreeMap<String, String> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("stream", AttributeValue::S(stream.to_owned()));
        let answer = get.key("seq", AttributeValue::N(number.to_string())).send().await.expect("an answer");
        let item = answer.item.unwrap_or_else(|| panic!("there is no {stream}, {number}"));
        item.into_iter().map(|(name, value)| (name, text(&value))).collect()
    }
}

fn attribute(value: &Value) -> AttributeValue {
    match (&value["S"], &value["N"]) {
        (Value::String(text), _) => AttributeValue::S(text.clone()),
        (_, Value::String(number)) => AttributeValue::N(number.clone()),
        _ => panic!("neither text nor number: {value}"),
    }
}

fn text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.clone(),
        AttributeValue::L(list) => Value::from(list.iter().map(text).collect::<Vec<_>>()).to_string(),
        other => panic!("not used: {other:?}"),
    }
}
