//! What happened on this machine beside the tables: published events, waiting messages, mails, how
//! far a stream was read. Kept in one more table of the same database, so that all of it is
//! written in one transaction and nothing that was answered is lost.

use std::collections::{BTreeMap, HashMap};

use dynoxide::{AttributeValue, Database, DynoxideError};
use serde_json::{Value, json};

use super::json::parse;

/// No logical id has a dot.
const TABLE: &str = "local.journal";

/// Lists of numbered entries.
#[derive(Clone)]
pub(crate) struct Journal(Database);

/// A change of one entry.
pub(crate) enum Change {
    Put { list: String, number: u64, entry: Value },
    Remove { list: String, number: u64 },
}

/// A list that people look at: it may hold the newest entries only.
pub(crate) struct Shown {
    list: &'static str,
    last: u64,
    newest: Option<u64>,
}

impl Shown {
    /// Opens a list, and removes what a run before has left beyond the newest.
    pub(crate) fn open(
        journal: &Journal,
        list: &'static str,
        newest: Option<u64>,
    ) -> Result<Self, DynoxideError> {
        let shown = Self { list, last: journal.last(list)?.unwrap_or(0), newest };
        if let Some(newest) = newest {
            journal.remove_until(list, shown.last.saturating_sub(newest))?;
        }
        Ok(shown)
    }

    /// Returns the changes that add these entries and remove those whose place they take.
    pub(crate) fn changes(&self, entries: Vec<Value>) -> Vec<Change> {
        let mut changes = Vec::new();
        for (number, entry) in (self.last + 1..).zip(entries) {
            changes.push(Change::Put { list: self.list.to_owned(), number, entry });
            if let Some(oldest) = self.newest.and_then(|newest| number.checked_sub(newest)).filter(|n| *n > 0)
            {
                changes.push(Change::Remove { list: self.list.to_owned(), number: oldest });
            }
        }
        changes
    }

    /// Counts entries whose changes were committed.
    pub(crate) const fn advance(&mut self, entries: u64) {
        self.last += entries;
    }
}

type Item = HashMap<String, AttributeValue>;

impl Journal {
    pub(crate) fn open(database: &Database) -> Result<Self, DynoxideError> {
        if database.get_table_metadata(TABLE)?.is_none() {
            let create = json!({
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "list", "AttributeType": "S"},
                    {"AttributeName": "number", "AttributeType": "N"},
                ],
                "KeySchema": [
                    {"AttributeName": "list", "KeyType": "HASH"},
                    {"AttributeName": "number", "KeyType": "RANGE"},
                ],
            });
            database.create_table(parse(create.to_string().as_bytes())?)?;
        }
        Ok(Self(database.clone()))
    }

    /// Makes all changes or none.
    pub(crate) fn commit(&self, changes: Vec<Change>) -> Result<(), DynoxideError> {
        if changes.is_empty() {
            return Ok(());
        }
        let writes: Vec<Value> = changes.into_iter().map(write).collect();
        let request = json!({ "TransactItems": writes });
        self.0.transact_write_items(parse(request.to_string().as_bytes())?)?;
        Ok(())
    }

    /// All entries of a list, in order.
    pub(crate) fn read(&self, list: &str) -> Result<BTreeMap<u64, Value>, DynoxideError> {
        let mut entries = BTreeMap::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({
                "TableName": TABLE,
                "KeyConditionExpression": "#list = :list",
                "ExpressionAttributeNames": {"#list": "list"},
                "ExpressionAttributeValues": {":list": {"S": list}},
            });
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = self.0.query(parse(request.to_string().as_bytes())?)?;
            entries.extend(page.items.iter().flatten().filter_map(entry));
            match page.last_evaluated_key {
                Some(key) => start = serde_json::to_value(key).unwrap_or_default(),
                None => return Ok(entries),
            }
        }
    }

    /// Removes the entries of a list up to a number.
    fn remove_until(&self, list: &str, number: u64) -> Result<(), DynoxideError> {
        loop {
            let request = json!({
                "TableName": TABLE,
                "KeyConditionExpression": "#list = :list AND #number <= :number",
                "ExpressionAttributeNames": {"#list": "list", "#number": "number"},
                "ExpressionAttributeValues": {":list": {"S": list}, ":number": {"N": number.to_string()}},
                "Limit": 100,
            });
            let page = self.0.query(parse(request.to_string().as_bytes())?)?;
            let numbers = page.items.iter().flatten().filter_map(entry).map(|(number, _)| number);
            let removals: Vec<_> =
                numbers.map(|number| Change::Remove { list: list.to_owned(), number }).collect();
            if removals.is_empty() {
                return Ok(());
            }
            self.commit(removals)?;
        }
    }

    /// The number of the list's last entry.
    pub(crate) fn last(&self, list: &str) -> Result<Option<u64>, DynoxideError> {
        let request = json!({
            "TableName": TABLE,
            "KeyConditionExpression": "#list = :list",
            "ExpressionAttributeNames": {"#list": "list"},
            "ExpressionAttributeValues": {":list": {"S": list}},
            "ScanIndexForward": false,
            "Limit": 1,
        });
        let page = self.0.query(parse(request.to_string().as_bytes())?)?;
        Ok(page.items.iter().flatten().find_map(entry).map(|(number, _)| number))
    }

    pub(crate) fn table_definition(&self, table: &str) -> Result<Option<Value>, DynoxideError> {
        Ok(self.read(&format!("table/{table}"))?.remove(&0))
    }

    pub(crate) fn keep_table_definition(&self, table: &str, definition: &Value) -> Result<(), DynoxideError> {
        self.commit(vec![Change::Put {
            list: format!("table/{table}"),
            number: 0,
            entry: definition.clone(),
        }])
    }
}

fn write(change: Change) -> Value {
    let key = |list: String, number: u64| json!({"list": {"S": list}, "number": {"N": number.to_string()}});
    match change {
        Change::Put { list, number, entry } => {
            let mut item = key(list, number);
            item["entry"] = json!({"S": entry.to_string()});
            json!({"Put": {"TableName": TABLE, "Item": item}})
        }
        Change::Remove { list, number } => json!({"Delete": {"TableName": TABLE, "Key": key(list, number)}}),
    }
}

fn entry(item: &Item) -> Option<(u64, Value)> {
    let AttributeValue::N(number) = item.get("number")? else { return None };
    let AttributeValue::S(entry) = item.get("entry")? else { return None };
    Some((number.parse().ok()?, serde_json::from_str(entry).ok()?))
}
