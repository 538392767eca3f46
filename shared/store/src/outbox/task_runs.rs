//! Tasks that are done again and again: how the last run of each went.

use std::{future::Future, time::Duration};

use aws_sdk_dynamodb::{Client, operation::update_item::UpdateItemError};
use cloud::{Clock, Cloud, InvocationError, SettingError, chain};
use domain::Timestamp;
use serde::Deserialize;

use crate::{
    EventKey, StoreError,
    dynamodb::{
        attributes::{Attributes, millis, text, values},
        capacity::counted_client,
        item::Item,
        value::Millis,
    },
    outbox::event::event_key,
};

/// A run that should have begun so many intervals ago is late.
const LATE_AFTER: u32 = 3;

/// The runs of one task, in the table Events.
#[derive(Clone, Debug)]
pub struct Runs {
    dynamodb: Client,
    table: String,
    task: String,
    clock: Clock,
}

/// How a run went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why it failed, if it did.
    pub failed: Option<String>,
    /// When a run last ended well, this one or one before.
    pub succeeded_at: Option<Timestamp>,
}

impl Runs {
    /// Those of `task`, a function, in the table that the setting `EVENTS_TABLE` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, task: &str) -> Result<Self, SettingError> {
        let table = cloud.settings().text("EVENTS_TABLE")?;
        Ok(Self { dynamodb: counted_client(cloud), table, task: task.to_owned(), clock: cloud.clock() })
    }

    /// Lets a run come to its end, and notes how it went. Of two at once the one that began last counts. A
    /// note that fails is only logged: the work is done, or not, all the same.
    ///
    /// # Errors
    /// Those of the run.
    pub async fn noting<T>(
        &self,
        run: impl Future<Output = Result<T, InvocationError>>,
    ) -> Result<T, InvocationError> {
        let began_at = self.clock.now();
        let outcome = run.await;
        if let Err(failure) = self.note(began_at, outcome.as_ref().err()).await {
            tracing::warn!(cause = chain(&failure), "it is not noted how the run went");
        }
        outcome
    }

    async fn note(&self, began_at: Timestamp, failed: Option<&InvocationError>) -> Result<(), StoreError> {
        let ended_at = self.clock.now();
        let mut values = values([(":began", millis(began_at)), (":ended", millis(ended_at))]);
        let outcome = match failed {
            Some(InvocationError(why)) => {
                values.insert(":why".to_owned(), text(*why));
                "why_failed = :why"
            }
            None => "succeeded_at = :ended REMOVE why_failed",
        };
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(self.key()))
            .update_expression(format!("SET began_at = :began, ended_at = :ended, {outcome}"))
            .condition_expression("attribute_not_exists(began_at) OR began_at <= :began")
            .set_expression_attribute_values(Some(values));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }

    /// The last run that came to an end; `None` before the first one.
    ///
    /// # Errors
    /// If the table does not answer, or holds something else.
    pub async fn last(&self) -> Result<Option<Run>, StoreError> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.set_key(Some(self.key())).send().await;
        let found = answer.map_err(|error| StoreError::of("GetItem", error))?.item;
        Ok(found.map(RunItem::read).transpose()?.map(Run::from))
    }

    fn key(&self) -> Attributes {
        event_key(&EventKey { stream: format!("task#{}", self.task), sequence: 1 })
    }
}

impl Run {
    /// Whether a task that begins this often should have begun several times since.
    #[must_use]
    pub fn is_late(&self, every: Duration, now: Timestamp) -> bool {
        now.since(self.began_at) > every * LATE_AFTER
    }
}

/// The last run of a task. Only expressions write it.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct RunItem {
    began_at: Millis,
    ended_at: Millis,
    why_failed: Option<String>,
    succeeded_at: Option<Millis>,
}

impl From<RunItem> for Run {
    fn from(item: RunItem) -> Self {
        Self {
            began_at: item.began_at.0,
            ended_at: item.ended_at.0,
            failed: item.why_failed,
            succeeded_at: item.succeeded_at.map(Millis::moment),
        }
    }
}
