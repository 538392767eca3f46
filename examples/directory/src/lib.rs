//! A sample consumer: a directory of all users, kept current by their events.
//!
//! Each user is one item in the directory's own table. An event is judged, applied, and written together with
//! the position. Each event therefore takes effect once, in any order and for any number of deliveries.
//! Missing events are read from the table Events, which keeps all of them.

mod row;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put},
};
use cloud::{Cloud, Function, Invocation, InvocationError, SettingError};
use gatepost_consumer::{
    BatchFailures, Consumer, Event, Positions, QueueBatch, TransactWriteItem, Unhandled, Verdict, serve,
};
use thiserror::Error;

pub use row::Row;

/// Maintains the directory.
pub struct Directory {
    dynamodb: Client,
    positions: Positions,
    /// The directory's own table.
    users: String,
    /// Gatepost's table of events.
    events: String,
}

/// The table Events lacks missing events: `EventRetentionDays` is not 0.
#[derive(Debug, Error)]
#[error("the history of a user is no longer complete")]
struct HistoryExpired;

/// The rule matched an event whose subject is not a user.
#[derive(Debug, Error)]
#[error("the event has no user as its subject")]
struct NoUser;

/// Wires the function.
///
/// # Errors
/// If a setting is missing.
pub fn function(cloud: &Cloud) -> Result<Directory, SettingError> {
    let (dynamodb, table) = (Client::new(cloud.sdk()), |name| cloud.settings().text(name));
    Ok(Directory {
        positions: Positions::new(dynamodb.clone(), table("POSITIONS_TABLE")?),
        dynamodb,
        users: table("USERS_TABLE")?,
        events: table("EVENTS_TABLE")?,
    })
}

impl Function for Directory {
    type Event = QueueBatch;
    type Answer = BatchFailures;

    async fn call(
        &self,
        batch: QueueBatch,
        invocation: Invocation,
    ) -> Result<BatchFailures, InvocationError> {
        Ok(serve(self, batch, invocation.deadline.left()).await)
    }
}

impl Consumer for Directory {
    async fn on(&self, event: Event) -> Result<(), Unhandled> {
        let user = event.subject_id("user").ok_or_else(|| Unhandled::poison(NoUser))?;
        let from = match self.positions.judge(&event).await? {
            Verdict::Duplicate | Verdict::Stale => return Ok(()),
            Verdict::New => event.sequence,
            Verdict::Gap { missing_from } => missing_from,
        };

        let mut row = if from == 1 { Row::default() } else { self.row(user).await? };
        for missing in self.history(&event.subject, from, event.sequence).await? {
            row.apply(&missing)?;
        }
        row.apply(&event)?;

        let put = Put::builder().table_name(&self.users).set_item(Some(row.item(user))).build();
        let put = TransactWriteItem::builder().put(put.map_err(Unhandled::poison)?).build();
        // Overtaken: another copy of the event has written the same.
        self.positions.commit(&event, [put]).await?;
        Ok(())
    }
}

impl Directory {
    async fn row(&self, user: &str) -> Result<Row, Unhandled> {
        let get = self.dynamodb.get_item().table_name(&self.users).consistent_read(true);
        let answer = get.key("user_id", AttributeValue::S(user.to_owned())).send().await;
        Ok(answer.map_err(Unhandled::retry)?.item.map(|item| Row::of(&item)).unwrap_or_default())
    }

    /// Returns the events of a subject from the number `from`, before the number `until`.
    async fn history(&self, subject: &str, from: u64, until: u64) -> Result<Vec<Event>, Unhandled> {
        if from == until {
            return Ok(Vec::new());
        }
        let number = |number: u64| AttributeValue::N(number.to_string());
        let query = self
            .dynamodb
            .query()
            .table_name(&self.events)
            .consistent_read(true)
            // A placeholder, since DynamoDB reserves the word `stream`.
            .key_condition_expression("#stream = :subject AND seq BETWEEN :from AND :to")
            .expression_attribute_names("#stream", "stream")
            .expression_attribute_values(":subject", AttributeValue::S(subject.to_owned()))
            .expression_attribute_values(":from", number(from))
            .expression_attribute_values(":to", number(until - 1));
        let items: Result<Vec<_>, _> = query.into_paginator().items().send().collect().await;
        let detail = |item: &std::collections::HashMap<String, AttributeValue>| {
            let detail = item.get("detail").and_then(|detail| detail.as_s().ok()).cloned();
            Event::from_detail(&detail.unwrap_or_default()).map_err(Unhandled::poison)
        };
        let events = items.map_err(Unhandled::retry)?.iter().map(detail).collect::<Result<Vec<_>, _>>()?;
        let is_complete = events.iter().map(|event| event.sequence).eq(from..until);
        if is_complete { Ok(events) } else { Err(Unhandled::poison(HistoryExpired)) }
    }
}
