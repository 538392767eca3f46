//! Both tables as they are, item by item, for who takes them whole to another place.
//!
//! Nothing that is there is ever written over: each item is added under the condition that there is none
//! of its key, and a mark says which copy has begun.

use aws_sdk_dynamodb::{
    Client, operation::put_item::PutItemError, types::ReturnValuesOnConditionCheckFailure,
};
use cloud::{Cloud, SettingError};
use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Kind, NextPage, Page, RawItem, StoreError, Table,
    dynamodb::{
        attributes::{Attributes, key, millis, text, values},
        capacity::counted_client,
        item::{self, Item},
        value::Millis,
    },
    operations::raw_item::MARK,
};

/// Both tables, whole.
#[derive(Clone, Debug)]
pub struct WholeTables {
    dynamodb: Client,
    identities: String,
    events: String,
}

/// What became of an item that was to be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there now.
    New,
    /// It was there already, the same.
    Same,
    /// There is another one of this key, which stays.
    Other,
}

/// Why a copy does not begin.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The tables hold something else.
    #[error("there is other data in it already")]
    NotEmpty,
    /// A copy of something else has begun and has not come to its end.
    #[error("a copy from {0} has begun there and has not come to its end")]
    OtherCopy(String),
    /// The tables failed.
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// A copy that has begun: who has begun it last goes on, and nobody else.
#[derive(Debug)]
pub struct Copying {
    run: String,
    /// Whether all that sets nothing off is there and was proven to be the same.
    pub is_proven: bool,
}

impl WholeTables {
    /// The tables that the settings `IDENTITIES_TABLE` and `EVENTS_TABLE` name.
    ///
    /// # Errors
    /// If one of them is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        Ok(Self {
            dynamodb: counted_client(cloud),
            identities: settings.text("IDENTITIES_TABLE")?,
            events: settings.text("EVENTS_TABLE")?,
        })
    }

    fn physical(&self, table: Table) -> &str {
        match table {
            Table::Identities => &self.identities,
            Table::Events => &self.events,
        }
    }

    /// Some items of the `segment`th of `segments` parts of a table. All items of one partition are in one part,
    /// one after the other, and the events of a stream in their order.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn items(
        &self,
        table: Table,
        (segment, segments): (u16, u16),
        start: Option<&NextPage>,
    ) -> Result<Page<RawItem>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(self.physical(table))
            .consistent_read(true)
            .segment(segment.into())
            .total_segments(segments.into())
            .set_exclusive_start_key(start.map(|start| start.0.clone()));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|attributes| RawItem { table, attributes }).collect();
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }

    /// Adds an item, if there is none of its key.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn add(&self, item: &RawItem) -> Result<Added, StoreError> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(self.physical(item.table))
            .set_item(Some(item.attributes.clone()))
            .condition_expression(item.table.absent())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let Err(error) = put.send().await else { return Ok(Added::New) };
        match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(unmet)) => {
                let attributes = unmet.item.clone().unwrap_or_default();
                let found = RawItem { table: item.table, attributes };
                Ok(if found.digest() == item.digest() { Added::Same } else { Added::Other })
            }
            _ => Err(StoreError::of("PutItem", error)),
        }
    }

    /// Begins a copy from `source` as `run`, or goes on with it. The tables must be empty, but for what each
    /// system makes by itself, or hold the beginning of this very copy.
    ///
    /// # Errors
    /// [`CopyError`].
    pub async fn begin(&self, source: &str, run: &str, now: Timestamp) -> Result<Copying, CopyError> {
        let Some(found) = self.mark().await? else {
            if !self.is_empty().await? {
                return Err(CopyError::NotEmpty);
            }
            let is_first = self.put_mark(source, run, now, "attribute_not_exists(pk)").await?;
            return if is_first {
                Ok(Copying { run: run.to_owned(), is_proven: false })
            } else {
                Err(CopyError::OtherCopy("elsewhere, at this very moment,".to_owned()))
            };
        };
        if found.source != source {
            return Err(CopyError::OtherCopy(found.source));
        }
        let copying = Copying { run: run.to_owned(), is_proven: found.proven_at.is_some() };
        let values = values([(":run", text(run))]);
        self.change_mark("SET held_by = :run", "attribute_exists(pk)", values).await?;
        Ok(copying)
    }

    /// Whether no other run of the copy has taken over.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn goes_on(&self, copying: &Copying) -> Result<bool, StoreError> {
        Ok(self.mark().await?.is_some_and(|mark| mark.held_by == copying.run))
    }

    /// Notes that all that sets nothing off is there.
    ///
    /// # Errors
    /// If the table does not answer, or another run has taken over.
    pub async fn prove(&self, copying: &Copying, now: Timestamp) -> Result<(), StoreError> {
        let values = values([(":run", text(&copying.run)), (":now", millis(now))]);
        self.change_mark("SET proven_at = :now", "held_by = :run", values).await
    }

    /// Ends the copy: from now on the tables are a system's like any other.
    ///
    /// # Errors
    /// If the table does not answer, or another run has taken over.
    pub async fn end(&self, copying: &Copying) -> Result<(), StoreError> {
        let delete = self
            .dynamodb
            .delete_item()
            .table_name(&self.identities)
            .set_key(Some(mark_key()))
            .condition_expression("held_by = :run")
            .expression_attribute_values(":run", text(&copying.run));
        delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error))
    }

    /// Whether there is nothing in the tables that is not [`Kind::Machinery`].
    async fn is_empty(&self) -> Result<bool, StoreError> {
        for table in Table::ALL {
            let mut start = None;
            loop {
                let page = self.items(table, (0, 1), start.as_ref()).await?;
                if page.items.iter().any(|item| item.kind() != Kind::Machinery) {
                    return Ok(false);
                }
                start = page.next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok(true)
    }

    async fn mark(&self) -> Result<Option<MarkItem>, StoreError> {
        let get = self.dynamodb.get_item().table_name(&self.identities).consistent_read(true);
        let answer = get.set_key(Some(mark_key())).send().await;
        let found = answer.map_err(|error| StoreError::of("GetItem", error))?.item;
        Ok(found.map(MarkItem::read).transpose()?)
    }

    async fn put_mark(
        &self,
        source: &str,
        run: &str,
        now: Timestamp,
        only_if: &str,
    ) -> Result<bool, StoreError> {
        let mark = MarkItem {
            source: source.to_owned(),
            held_by: run.to_owned(),
            created_at: Millis(now),
            proven_at: None,
        };
        let mark = item::write(mark_key(), &mark);
        let put = self.dynamodb.put_item().table_name(&self.identities).set_item(Some(mark));
        match put.condition_expression(only_if).send().await {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(false),
                _ => Err(StoreError::of("PutItem", error)),
            },
        }
    }

    async fn change_mark(&self, update: &str, only_if: &str, values: Attributes) -> Result<(), StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.identities)
            .set_key(Some(mark_key()))
            .update_expression(update)
            .condition_expression(only_if)
            .set_expression_attribute_values(Some(values));
        update.send().await.map(drop).map_err(|error| StoreError::of("UpdateItem", error))
    }
}

fn mark_key() -> Attributes {
    key(MARK, MARK)
}

/// The mark of a copy. An expression adds `proven_at`.
#[derive(Serialize, Deserialize)]
pub(crate) struct MarkItem {
    source: String,
    held_by: String,
    created_at: Millis,
    proven_at: Option<Millis>,
}
