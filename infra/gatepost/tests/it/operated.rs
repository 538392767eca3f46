//! A data folder with events, and the command `gatepost outbox` on it.

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use cloud::Clock;
use domain::Timestamp;
use local::Stack;
use serde_json::Value;
use stage::Stage;
use store::{EventKey, Outbox};

use crate::process::Scratch;

/// The folder of a system whose clock was behind.
pub(crate) struct Folder(pub(crate) Scratch);

/// The output of a command.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) text: String,
    pub(crate) complaint: String,
}

pub(crate) fn now() -> Timestamp {
    Clock::system().now()
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(Scratch::new())
    }

    /// Starts the system with a clock that is behind. The folder is unlocked when it is dropped.
    pub(crate) fn system(&self, ago: Duration) -> System {
        System(Stage::at(Stack::folder(self.0.data()), now().minus(ago)))
    }

    /// Creates the command `gatepost outbox` with these arguments.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gatepost"));
        command.current_dir(self.0.path()).arg("outbox").args(arguments).args(["--data", "data"]);
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn outbox(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("it runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Said { code: output.status.code(), text: text(output.stdout), complaint: text(output.stderr) }
    }

    /// Returns the JSON document of the command, and its exit code.
    pub(crate) fn json(&self, arguments: &[&str]) -> (Value, Option<i32>) {
        let said = self.outbox(&[arguments, &["--json"]].concat());
        let document = serde_json::from_str(&said.text);
        (document.unwrap_or_else(|_| panic!("no JSON: {} {}", said.text, said.complaint)), said.code)
    }
}

/// The running system and its tables.
pub(crate) struct System(pub(crate) Stage);

impl System {
    /// Creates a user whose event is delivered. Returns the user's id.
    pub(crate) async fn user(&self, email: &str) -> String {
        let user = self.0.registered(email).await["id"].as_str().expect("an id").to_owned();
        self.0.settle().await;
        user
    }

    /// Logs in, and leaves the event pending, because the stream is not read now.
    pub(crate) async fn leave_pending(&self, email: &str) {
        self.0.log_in(email).await.expect(201);
    }

    pub(crate) fn outbox(&self) -> Outbox {
        Outbox::new(&self.0.stack.cloud("sweep-events").expect("the sweeper")).expect("its settings")
    }

    /// Marks an event as dead.
    pub(crate) async fn bury(&self, user: &str, sequence: u64) {
        let now = self.0.stack.clock().now();
        self.outbox().dead(&key(user, sequence), "InternalFailure", now).await.expect("marked");
    }

    fn dynamodb(&self) -> Client {
        Client::new(self.0.stack.cloud("register").expect("its cloud").sdk())
    }

    /// Returns the attributes of an event.
    pub(crate) async fn item(&self, user: &str, sequence: u64) -> Item {
        let get = self.dynamodb().get_item().table_name("Events").consistent_read(true);
        let answer = get.set_key(Some(attributes(user, sequence))).send().await.expect("an answer");
        Item(answer.item.unwrap_or_default())
    }

    /// Removes an event, which no command does.
    pub(crate) async fn remove(&self, user: &str, sequence: u64) {
        let delete = self.dynamodb().delete_item().table_name("Events");
        delete.set_key(Some(attributes(user, sequence))).send().await.expect("deleted");
    }

    /// Adds a copy of an event with other attributes, which no command does.
    pub(crate) async fn forge(&self, user: &str, sequence: u64, other: &[(&str, AttributeValue)]) {
        let mut item = self.item(user, sequence).await.0;
        item.extend(other.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let put = self.dynamodb().put_item().table_name("Events");
        put.set_item(Some(item)).send().await.expect("put");
    }

    /// Returns the ids of a user's published events, in order.
    pub(crate) fn published(&self, user: &str) -> Vec<Value> {
        let subject = format!("user#{user}");
        let events = self.0.stack.events().into_iter();
        events.filter(|event| event.detail["subject"] == subject).map(|event| event.detail).collect()
    }
}

/// An item with text access.
pub(crate) struct Item(std::collections::HashMap<String, AttributeValue>);

impl Item {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        match self.0.get(name)? {
            AttributeValue::S(text) | AttributeValue::N(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn moment(&self, name: &str) -> Timestamp {
        Timestamp::from_millis(self.get(name).and_then(|text| text.parse().ok()).expect("a moment"))
    }
}

pub(crate) fn key(user: &str, sequence: u64) -> EventKey {
    EventKey { stream: format!("user#{user}"), sequence }
}

fn attributes(user: &str, sequence: u64) -> std::collections::HashMap<String, AttributeValue> {
    let (stream, sequence) = (format!("user#{user}"), sequence.to_string());
    [("stream".to_owned(), AttributeValue::S(stream)), ("seq".to_owned(), AttributeValue::N(sequence))].into()
}
