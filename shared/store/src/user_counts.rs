//! How many users there are of each status, in a table of its own that a consumer of the events keeps.
//!
//! Of each user it says as what they are counted, and that is a condition of whatever changes a count: one
//! user is counted once, however often and in whatever order events come. The counts are split, since many
//! users change at once.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::{
    Client,
    operation::transact_write_items::TransactWriteItemsError,
    types::{Delete, KeysAndAttributes, Put, TransactWriteItem, Update},
};
use cloud::{Cloud, SettingError};
use domain::{StatusName, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Identities, NextPage, Page, StoreError,
    dynamodb::{
        attributes::{Attributes, millis, number, text, values},
        item::{self, Item},
        shard::hash,
        value::{AsText, Millis, Text},
    },
};

/// Into how many parts the counts are split.
const SHARDS: u32 = 16;
/// What the keys of counts begin with, and those of users.
const COUNT: &str = "count#";
const COUNTED: &str = "counted#";

/// The table of counts.
#[derive(Clone, Debug)]
pub struct UserCounts {
    dynamodb: Client,
    table: String,
}

/// How many users there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Of each status.
    pub of: BTreeMap<StatusName, u64>,
    /// When the newest change that is counted happened; `None` if none is.
    pub as_of: Option<Timestamp>,
}

/// As what a user is to be counted from now on; as nobody once they are erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recount {
    /// Who it is.
    pub user_id: UserId,
    /// As what the user is counted.
    pub before: Option<StatusName>,
    /// As what they are to be counted.
    pub after: Option<StatusName>,
}

impl UserCounts {
    /// The table that the setting `COUNTS_TABLE` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, dynamodb: Client) -> Result<Self, SettingError> {
        Ok(Self { dynamodb, table: cloud.settings().text("COUNTS_TABLE")? })
    }

    /// The table's name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The counts, by a strongly consistent read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn read(&self) -> Result<Counts, StoreError> {
        let keys = (0..SHARDS).map(|shard| key(format!("{COUNT}{shard}"))).collect();
        // `build` fails only for missing keys.
        let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().ok();
        let asked = asked.map(|asked| HashMap::from([(self.table.clone(), asked)]));
        let get = self.dynamodb.batch_get_item().set_request_items(asked);
        let answer = get.send().await.map_err(|error| StoreError::of("BatchGetItem", error))?;
        // Half a count is none.
        if answer.unprocessed_keys.is_some_and(|left| !left.is_empty()) {
            return Err(StoreError::Contended);
        }
        let mut counts = Counts::default();
        for item in answer.responses.unwrap_or_default().into_values().flatten() {
            counts.add(CountItem::read(item)?);
        }
        Ok(counts)
    }

    async fn counted(&self, user: UserId) -> Result<Option<StatusName>, StoreError> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.set_key(Some(key(Counted(user).text()))).send().await;
        let item = answer.map_err(|error| StoreError::of("GetItem", error))?.item;
        Ok(item.map(CountedItem::read).transpose()?.map(|item| item.status.0))
    }

    /// The users who are counted, and as what.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn all(&self, start: Option<NextPage>) -> Result<Page<(UserId, StatusName)>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(#subject, :counted)")
            .expression_attribute_names("#subject", "subject")
            .expression_attribute_values(":counted", text(COUNTED))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let counted = |item| CountedItem::read(item).map(|item| (item.subject.0.0, item.status.0));
        let items = answer.items.unwrap_or_default().into_iter().map(counted).collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }

    /// As what a user is counted, and as what they are to be.
    ///
    /// # Errors
    /// If a table does not answer.
    pub async fn judge(&self, identities: &Identities, user_id: UserId) -> Result<Recount, StoreError> {
        // In this order: whoever is counted meanwhile makes what follows be refused.
        let before = self.counted(user_id).await?;
        let after = identities.user(user_id).await?.map(|user| user.status.name());
        Ok(Recount { user_id, before, after })
    }

    /// What counts a user anew, to be written together or not at all: not if they are counted otherwise by
    /// now. Nothing, if nothing changes.
    #[must_use]
    pub fn recount(&self, recount: Recount, now: Timestamp) -> Vec<TransactWriteItem> {
        if recount.is_right() {
            return Vec::new();
        }
        vec![self.counted_as(recount), self.change(recount, now)]
    }

    /// Counts a user anew; says whether it did, or they are counted otherwise by now.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn commit(&self, recount: Recount, now: Timestamp) -> Result<bool, StoreError> {
        let writes = self.recount(recount, now);
        if writes.is_empty() {
            return Ok(true);
        }
        let transaction = self.dynamodb.transact_write_items().set_transact_items(Some(writes));
        let Err(error) = transaction.send().await else { return Ok(true) };
        let is_refused = error.as_service_error().is_some_and(is_refused);
        if is_refused { Ok(false) } else { Err(StoreError::of("TransactWriteItems", error)) }
    }

    /// `build` fails only for a missing table name, item or key, and all are given.
    fn counted_as(&self, Recount { user_id, before, after }: Recount) -> TransactWriteItem {
        const AS_BEFORE: &str = "#status = :before";
        const NOBODY: &str = "attribute_not_exists(#status)";
        let condition = if before.is_some() { AS_BEFORE } else { NOBODY };
        let names = Some(HashMap::from([("#status".to_owned(), "status".to_owned())]));
        let values = before.map(|before| values([(":before", text(before.as_str()))]));
        let subject = Counted(user_id);
        let write = TransactWriteItem::builder();
        if let Some(after) = after {
            let item = CountedItem { subject: Text(subject), status: Text(after) };
            let item = item::write(Attributes::new(), &item);
            let put = Put::builder().table_name(&self.table).set_item(Some(item));
            let put = put.condition_expression(condition).set_expression_attribute_names(names);
            write.set_put(put.set_expression_attribute_values(values).build().ok()).build()
        } else {
            let delete = Delete::builder().table_name(&self.table).set_key(Some(key(subject.text())));
            let delete = delete.condition_expression(condition).set_expression_attribute_names(names);
            write.set_delete(delete.set_expression_attribute_values(values).build().ok()).build()
        }
    }

    fn change(&self, Recount { user_id, before, after }: Recount, now: Timestamp) -> TransactWriteItem {
        let changes = [(before, -1), (after, 1)].into_iter().filter_map(|(status, by)| Some((status?, by)));
        let mut values = values([(":now", millis(now))]);
        let (mut names, mut terms) = (HashMap::new(), Vec::new());
        for (status, by) in changes {
            values.insert(format!(":{status}"), number(by));
            names.insert(format!("#{status}"), status.to_string());
            terms.push(format!("#{status} :{status}"));
        }
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(format!("{COUNT}{}", hash(&user_id.to_string()) % SHARDS))))
            .update_expression(format!("SET as_of = :now ADD {}", terms.join(", ")))
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values));
        TransactWriteItem::builder().set_update(update.build().ok()).build()
    }
}

impl Recount {
    /// Whether the user is counted as what they are.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.before == self.after
    }
}

impl Counts {
    /// Of all statuses together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.of.values().sum()
    }

    fn add(&mut self, part: CountItem) {
        let CountItem { active, suspended, deleting, as_of } = part;
        let counts = [
            (StatusName::Active, active),
            (StatusName::Suspended, suspended),
            (StatusName::Deleting, deleting),
        ];
        for (status, count) in counts {
            if let Some(count) = count {
                *self.of.entry(status).or_default() += count;
            }
        }
        self.as_of = self.as_of.max(Some(as_of.0));
    }
}

/// A part of the counts. Only expressions write it. No count is negative: a user leaves a part only if the user was
/// counted there.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct CountItem {
    active: Option<u64>,
    suspended: Option<u64>,
    deleting: Option<u64>,
    as_of: Millis,
}

/// The status as which a user is counted.
#[derive(Serialize, Deserialize)]
pub(crate) struct CountedItem {
    subject: Text<Counted>,
    status: Text<StatusName>,
}

/// The subject of a counted user.
#[derive(Clone, Copy)]
struct Counted(UserId);

impl AsText for Counted {
    fn text(&self) -> String {
        format!("{COUNTED}{}", self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        text.strip_prefix(COUNTED)?.parse().ok().map(Self)
    }
}

fn is_refused(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else { return false };
    cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("ConditionalCheckFailed"))
}

fn key(subject: String) -> Attributes {
    values([("subject", text(subject))])
}
