//! Time to live: expired items are found by an index, so that the search does not grow with the tables.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use crate::template::Template;

/// Items found at a time.
const PAGE: usize = 100;

/// Finds expired items in the storage of the embedded database, whose own sweep reads every item.
pub(crate) struct Expiry {
    connection: Mutex<Connection>,
    tables: Vec<Table>,
}

struct Table {
    name: String,
    attribute: String,
    keys: Vec<String>,
}

impl Expiry {
    /// Opens the storage of the template's tables, and makes the index of each that has a time to live.
    pub(crate) fn open(place: &str, template: &Template) -> rusqlite::Result<Self> {
        let connection = Connection::open(place)?;
        // No read may make a write of the database wait: what was found is compared again when it is deleted.
        connection.execute_batch("PRAGMA read_uncommitted = true")?;
        let mut tables = Vec::new();
        for (name, table) in &template.tables {
            let Some(attribute) = &table.expiry else { continue };
            let schema = table.create["KeySchema"].as_array().into_iter().flatten();
            let keys = schema.filter_map(|key| key["AttributeName"].as_str().map(str::to_owned)).collect();
            let table = Table { name: name.clone(), attribute: attribute.clone(), keys };
            connection.execute_batch(&table.index())?;
            tables.push(table);
        }
        Ok(Self { connection: Mutex::new(connection), tables })
    }

    /// Returns requests of `DeleteItem` for some of the items that have expired, which do nothing to an item that
    /// was written meanwhile.
    pub(crate) fn deletions(&self, now_seconds: i64) -> rusqlite::Result<Vec<Value>> {
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut deletions = Vec::new();
        for table in &self.tables {
            let mut statement = connection.prepare_cached(&table.expired())?;
            let items = statement.query_map([now_seconds], |row| row.get::<_, String>(0))?;
            for item in items {
                deletions.extend(table.deletion(&item?));
            }
        }
        Ok(deletions)
    }
}

impl Table {
    /// The time at which an item expires, as SQL; null without one.
    fn expires_at(&self) -> String {
        let path = format!("$.\"{}\".N", self.attribute.replace('\'', "''"));
        format!("CAST(json_extract(item_json, '{path}') AS INTEGER)")
    }

    fn quoted(&self) -> String {
        self.name.replace('"', "\"\"")
    }

    fn index(&self) -> String {
        let (name, expires_at) = (self.quoted(), self.expires_at());
        format!(
            "CREATE INDEX IF NOT EXISTS \"local_expiry_{name}\" ON \"{name}\" ({expires_at}) WHERE {expires_at} IS NOT NULL"
        )
    }

    fn expired(&self) -> String {
        let (name, expires_at) = (self.quoted(), self.expires_at());
        format!(
            "SELECT item_json FROM \"{name}\" WHERE {expires_at} IS NOT NULL AND {expires_at} < ?1 \
             ORDER BY {expires_at} LIMIT {PAGE}"
        )
    }

    fn deletion(&self, item: &str) -> Option<Value> {
        let item: Map<String, Value> = serde_json::from_str(item).ok()?;
        let key: Map<String, Value> = self
            .keys
            .iter()
            .map(|name| Some((name.clone(), item.get(name)?.clone())))
            .collect::<Option<_>>()?;
        Some(json!({
            "TableName": self.name,
            "Key": key,
            "ConditionExpression": "#expiry = :expiry",
            "ExpressionAttributeNames": {"#expiry": self.attribute},
            "ExpressionAttributeValues": {":expiry": item.get(&self.attribute)?},
        }))
    }
}
