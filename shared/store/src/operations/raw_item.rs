//! One item as it is stored, whatever it is: what it is to a copy, and how it is written down outside.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::AttributeValue;
use domain::{Timestamp, UserId};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    State,
    dynamodb::attributes::{Attributes, text_of},
    identities::{digests, erasures, keys, public_keys, user_item},
    outbox::event_item,
};

/// The mark of a copy that has begun.
pub(crate) const MARK: &str = "COPY";

/// One of the two tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// What is.
    Identities,
    /// What happened.
    Events,
}

impl Table {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Identities, Self::Events];

    /// The name that the template gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identities => "Identities",
            Self::Events => "Events",
        }
    }

    /// What of its keys is no reserved word, for the condition that there is no such item.
    pub(super) const fn absent(self) -> &'static str {
        match self {
            Self::Identities => "attribute_not_exists(pk)",
            Self::Events => "attribute_not_exists(seq)",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An item of one of the tables.
#[derive(Clone)]
pub struct RawItem {
    pub(crate) table: Table,
    pub(crate) attributes: Attributes,
}

/// What an item is to a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Each system makes it by itself: a lease, a canary, how a task went, a digest, a public key, which its
    /// secret says. Never copied.
    Machinery,
    /// It says what is or what was, and sets nothing off.
    Quiet,
    /// It sets something off as soon as it is there: an event that waits is published, who is due is erased.
    Waking,
}

/// A text that is no item.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("is no item of the table")]
pub struct InvalidRawItem;

impl RawItem {
    /// The item of a table that is written down like this, in DynamoDB's JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_json(table: Table, json: &Value) -> Result<Self, InvalidRawItem> {
        let attributes: Attributes =
            serde_dynamo::Item::deserialize(json).map_err(|_| InvalidRawItem)?.into();
        let text = |name| matches!(attributes.get(name), Some(AttributeValue::S(text)) if !text.is_empty());
        let has_key = match table {
            Table::Identities => text("pk") && text("sk"),
            Table::Events => text("stream") && matches!(attributes.get("seq"), Some(AttributeValue::N(_))),
        };
        if has_key { Ok(Self { table, attributes }) } else { Err(InvalidRawItem) }
    }

    /// The item in DynamoDB's JSON. The same item is always the same text.
    #[must_use]
    pub fn json(&self) -> Value {
        let item = serde_dynamo::Item::from(self.attributes.clone());
        // Only a map key that is no string could fail.
        let mut json = serde_json::to_value(item).unwrap_or_default();
        sort(&mut json);
        json
    }

    /// SHA-256 of table and item.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let text = format!("{} {}", self.table, self.json());
        // SHA-256 has 32 octets.
        digest(&SHA256, text.as_bytes()).as_ref().try_into().unwrap_or_default()
    }

    /// Whose item it is.
    #[must_use]
    pub const fn table(&self) -> Table {
        self.table
    }

    /// The partition that it is in. May hold an address.
    #[must_use]
    pub fn partition(&self) -> String {
        let name = match self.table {
            Table::Identities => "pk",
            Table::Events => "stream",
        };
        text_of(&self.attributes, name).unwrap_or_default().to_owned()
    }

    /// What it is to a copy.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let partition = self.partition();
        let is_one_of = |prefixes: [&str; 4]| prefixes.iter().any(|prefix| partition.starts_with(prefix));
        match self.table {
            Table::Identities if [public_keys::PK, digests::PK, MARK].contains(&&*partition) => {
                Kind::Machinery
            }
            Table::Identities if partition == erasures::PK => Kind::Waking,
            Table::Events if is_one_of(["lease#", "canary#", "task#", "digest#"]) => Kind::Machinery,
            Table::Events if self.is_pending() => Kind::Waking,
            _ => Kind::Quiet,
        }
    }

    fn is_pending(&self) -> bool {
        text_of(&self.attributes, "state") == Some(State::Pending.name())
    }

    /// Whether the table may have removed it by `moment`, since nobody uses it any more.
    #[must_use]
    pub fn expires_by(&self, moment: Timestamp) -> bool {
        let ttl = self.attributes.get("ttl").and_then(|ttl| ttl.as_n().ok()?.parse::<i64>().ok());
        ttl.is_some_and(|ttl| ttl <= moment.seconds())
    }

    /// Who was erased, if this is what is left of them.
    #[must_use]
    pub fn erased_user(&self) -> Option<UserId> {
        let is_left = keys::is_user(&self.attributes) && user_item::is_tombstone(&self.attributes);
        user_item::id(&self.attributes).ok().filter(|_| self.table == Table::Identities && is_left)
    }

    /// The epoch that it was committed under, and its type, if it is an event.
    #[must_use]
    pub fn event_epoch(&self) -> Option<(u64, String)> {
        let detail_type = text_of(&self.attributes, "detail_type")?;
        Some((event_item::event_epoch(&self.attributes)?, detail_type.to_owned()))
    }
}

/// Sorts the sets of an item, which have no order of their own.
fn sort(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::Array(set) if ["SS", "NS", "BS"].contains(&name.as_str()) => {
                        set.sort_unstable_by(|one, other| one.as_str().cmp(&other.as_str()));
                    }
                    value => sort(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(sort),
        _ => {}
    }
}
