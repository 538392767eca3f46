//! A small deployment of its own: a writer behind the API, a relay behind the stream, a mailer
//! behind the bus.

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use aws_sdk_sesv2::types::{Body, Content, Destination, EmailContent, Message};
use cloud::{Cloud, Function, Invocation, InvocationError, SettingError};
use local::{
    Setup, Stack,
    functions::{Build, mount},
};
use serde_json::{Value, json};

pub(crate) const TEMPLATE: &str = include_str!("small.yaml");

pub(crate) const FUNCTIONS: &[(&str, Build)] = &[
    ("write", |cloud| mount(Write::new(cloud))),
    ("relay", |cloud| mount(Relay::new(cloud))),
    ("mailer", |cloud| mount(Mailer::new(cloud))),
    ("echo", |_| mount(Ok(Echo))),
];

pub(crate) fn small() -> Setup {
    Stack::memory().with_template(TEMPLATE).with_functions(FUNCTIONS)
}

/// `POST /notes/{id}`: puts an item.
pub(crate) struct Write(aws_sdk_dynamodb::Client, String);

impl Write {
    fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let config = aws_sdk_dynamodb::config::Builder::from(cloud.sdk()).retry_partition(cloud.retries());
        let client = aws_sdk_dynamodb::Client::from_conf(config.build());
        Ok(Self(client, cloud.settings().text("NOTES_TABLE")?))
    }
}

impl Function for Write {
    type Event = Value;
    type Answer = Value;

    async fn call(&self, event: Value, _: Invocation) -> Result<Value, InvocationError> {
        let id = event["pathParameters"]["id"].as_str().unwrap_or_default();
        let put = self.0.put_item().table_name(&self.1);
        let put =
            put.item("note", AttributeValue::S(id.to_owned())).item("at", AttributeValue::N("1".to_owned()));
        put.send().await.map_err(|_| InvocationError("not put"))?;
        Ok(json!({"statusCode": 202, "headers": {"content-type": "application/json"}, "body": "{}"}))
    }
}

/// Publishes each record; reports those that were not taken.
pub(crate) struct Relay(aws_sdk_eventbridge::Client, String);

impl Relay {
    fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self(aws_sdk_eventbridge::Client::new(cloud.sdk()), cloud.settings().text("BUS")?))
    }
}

impl Function for Relay {
    type Event = Value;
    type Answer = Value;

    async fn call(&self, event: Value, _: Invocation) -> Result<Value, InvocationError> {
        for record in event["Records"].as_array().into_iter().flatten() {
            let note = record["dynamodb"]["Keys"]["note"]["S"].as_str().unwrap_or_default();
            let entry = PutEventsRequestEntry::builder()
                .source("small")
                .detail_type("note.written")
                .detail(json!({"note": note}).to_string())
                .event_bus_name(&self.1)
                .build();
            let answer = self
                .0
                .put_events()
                .entries(entry)
                .send()
                .await
                .map_err(|_| InvocationError("not published"))?;
            if answer.failed_entry_count() > 0 {
                let sequence = &record["dynamodb"]["SequenceNumber"];
                return Ok(json!({"batchItemFailures": [{"itemIdentifier": sequence}]}));
            }
        }
        Ok(json!({"batchItemFailures": []}))
    }
}

/// Mails each event; a note that starts with `poison` cannot be mailed.
pub(crate) struct Mailer(aws_sdk_sesv2::Client);

impl Mailer {
    #[expect(clippy::unnecessary_wraps, reason = "functions are wired so")]
    fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self(aws_sdk_sesv2::Client::new(cloud.sdk())))
    }

    async fn mail(&self, note: &str) -> Option<()> {
        let text = |text: &str| Content::builder().data(text).build().ok();
        let body = Body::builder().text(text(&format!("See https://notes.test/{note}."))?).build();
        let message = Message::builder().subject(text(note)?).body(body).build();
        let to = Destination::builder().to_addresses("ada@example.com").build();
        let content = EmailContent::builder().simple(message).build();
        let mail =
            self.0.send_email().from_email_address("small@example.com").destination(to).content(content);
        mail.send().await.ok().map(drop)
    }
}

impl Function for Mailer {
    type Event = Value;
    type Answer = Value;

    async fn call(&self, event: Value, _: Invocation) -> Result<Value, InvocationError> {
        let mut failures = Vec::new();
        for record in event["Records"].as_array().into_iter().flatten() {
            let event: Value =
                serde_json::from_str(record["body"].as_str().unwrap_or_default()).unwrap_or_default();
            let note = event["detail"]["note"].as_str().unwrap_or_default();
            if note.starts_with("poison") || self.mail(note).await.is_none() {
                failures.push(json!({"itemIdentifier": record["messageId"]}));
            }
        }
        Ok(json!({ "batchItemFailures": failures }))
    }
}

/// Answers with its event, or as the path says.
pub(crate) struct Echo;

impl Function for Echo {
    type Event = Value;
    type Answer = Value;

    async fn call(&self, event: Value, _: Invocation) -> Result<Value, InvocationError> {
        match event["rawPath"].as_str() {
            Some("/fail") => Err(InvocationError("as asked")),
            Some("/panic") => panic!("as asked"),
            Some("/hang") => std::future::pending().await,
            _ => Ok(json!({"statusCode": 200, "body": event.to_string(), "cookies": ["a=1", "b=2"]})),
        }
    }
}
