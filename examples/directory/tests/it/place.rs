//! Gatepost with the directory as a consumer.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use directory::Row;
use local::{
    Setup, Stack,
    functions::{ALL, Build, mount},
    template::OF_THIS_BUILD,
};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};

/// Gatepost with the directory as a consumer.
pub(crate) struct Place {
    pub(crate) stage: Stage,
    dynamodb: Client,
}

/// The row of a user, and the number of the newest event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) row: Row,
    version: String,
}

type Item = std::collections::HashMap<String, AttributeValue>;

/// Returns both templates as one, as if the directory had been added to Gatepost's template.
fn template() -> String {
    let (_, own) = include_str!("../../template.yaml").split_once("\nParameters:\n").expect("parameters");
    let (parameters, resources) = own.split_once("\nResources:\n").expect("resources");
    OF_THIS_BUILD.replacen("\nParameters:\n", &format!("\nParameters:\n{parameters}\n"), 1).replacen(
        "\nResources:\n",
        &format!("\nResources:\n{resources}\n"),
        1,
    )
}

impl Place {
    pub(crate) fn new() -> Self {
        Self::of(Stack::memory())
    }

    pub(crate) fn of(setup: Setup) -> Self {
        let mut functions: Vec<_> = ALL.iter().map(|function| (function.name, function.build)).collect();
        let build: Build = |cloud| mount(directory::function(cloud));
        functions.push(("directory", build));
        let setup = setup.with_template(template()).with_functions(&functions).recording();
        let stage =
            Stage::of(setup.with_parameter("EventBus", "Bus").with_parameter("EventsTable", "Events"));
        let dynamodb = Client::new(stage.stack.cloud("directory").expect("its cloud").sdk());
        Self { stage, dynamodb }
    }

    /// Three users register and two log in. An attacker uses a token of one, another logs out of one of two
    /// sessions.
    pub(crate) async fn lives(&self) {
        let stage = &self.stage;
        let ada = json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "Ada"});
        let registered = stage.post("/v1/registrations", ada).await.expect(202);
        let link = stage.link("ada@example.com").await;
        stage.verify_registered(&link, &registered).await.expect(201);
        for email in ["bob@example.com", "cy@example.com"] {
            stage.registered(email).await;
        }
        let first = Tokens::of(&stage.log_in("bob@example.com").await.expect(201).body);
        let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);
        stage.refresh(&second.refresh).await.expect(200);
        stage.refresh(&first.refresh).await.expect(401);
        let other = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
        stage.log_out(&other.access).await.expect(204);
        stage.pass(Duration::from_hours(1));
        stage.log_in("ada@example.com").await.expect(201);
        stage.settle().await;
    }

    /// Returns the events of users on the bus, in order.
    pub(crate) fn events(&self) -> Vec<Value> {
        let events = self.stage.stack.events().into_iter().map(|event| json!({"detail": event.detail}));
        let of_user =
            |event: &Value| event["detail"]["subject"].as_str().is_some_and(|it| it.starts_with("user#"));
        events.filter(of_user).collect()
    }

    /// Delivers an event to the directory. Returns the number of messages to retry.
    pub(crate) async fn deliver(&self, event: &Value) -> usize {
        let batch = json!({"Records": [{"messageId": "m1", "body": event.to_string()}]});
        let answer = self.stage.stack.call("directory", batch).await.expect("an answer");
        answer["batchItemFailures"].as_array().expect("failures").len()
    }

    /// Empties the directory's tables.
    pub(crate) async fn forget(&self) {
        for (table, key) in [("Users", "user_id"), ("DirectoryPositions", "subject")] {
            for item in self.scan(table).await {
                let delete = self.dynamodb.delete_item().table_name(table).key(key, item[key].clone());
                delete.send().await.expect("deleted");
            }
        }
    }

    /// Lets an event expire, as `EventRetentionDays` does.
    pub(crate) async fn expire(&self, stream: &str, number: u64) {
        let delete = self.dynamodb.delete_item().table_name("Events");
        let delete = delete.key("stream", AttributeValue::S(stream.to_owned()));
        delete.key("seq", AttributeValue::N(number.to_string())).send().await.expect("deleted");
    }

    /// Returns the users of the directory by id.
    pub(crate) async fn directory(&self) -> BTreeMap<String, User> {
        let positions = self.scan("DirectoryPositions").await;
        let user = |item: Item| {
            let id = text(&item, "user_id");
            let position = positions.iter().find(|at| text(at, "subject") == format!("user#{id}"));
            let version = text(position.expect("a position"), "sequence");
            (id, User { row: Row::of(&item), version })
        };
        self.scan("Users").await.into_iter().map(user).collect()
    }

    /// Returns the users of the table Identities by id. The table does not have the time of a log-in whose
    /// session has ended, so that is taken from the published events.
    pub(crate) async fn identities(&self) -> BTreeMap<String, User> {
        let items = self.scan("Identities").await;
        let user = |item: &Item| {
            let id = text(item, "pk").strip_prefix("USER#")?.to_owned();
            let of_user = items.iter().filter(|other| text(other, "pk") == text(item, "pk"));
            let sessions =
                of_user.filter_map(|other| Some(text(other, "sk").strip_prefix("SESSION#")?.to_owned()));
            let name = |name: &str| item.get(name).map(|_| text(item, name));
            let row = Row {
                email: name("email"),
                first_name: name("first_name"),
                last_name: name("last_name"),
                registered_at: text(item, "created_at").parse().ok(),
                last_signed_in: self.last_signed_in(&id),
                sessions: sessions.collect(),
            };
            (text(item, "sk") == "USER").then(|| (id, User { row, version: text(item, "version") }))
        };
        items.iter().filter_map(user).collect()
    }

    fn last_signed_in(&self, user: &str) -> Option<i64> {
        let events = self.stage.stack.events();
        let started = events.iter().rfind(|event| {
            event.detail_type == "session.started" && event.detail["subject"] == format!("user#{user}")
        });
        let event = gatepost_consumer::Event::from_detail(&started?.detail.to_string()).expect("an event");
        Some(event.occurred_at_millis)
    }

    async fn scan(&self, table: &str) -> Vec<Item> {
        let items = self.dynamodb.scan().table_name(table).consistent_read(true).into_paginator().items();
        items.send().collect::<Result<_, _>>().await.expect("items")
    }
}

fn text(item: &Item, name: &str) -> String {
    match item.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => text.clone(),
        _ => String::new(),
    }
}
