//! One item as it is stored, whatever it is: what it is to a copy, and how it is written down outside.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Timestamp, UserId};
use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::{
    copying::{MARK, Table},
    digests, erasures,
    item::{Attributes, Read},
    public_keys,
    restoring::event_epoch,
    users,
};

/// An item of one of the tables.
#[derive(Clone)]
pub struct StoredItem {
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
pub struct NotAnItem;

impl StoredItem {
    /// The item of a table that is written down like this, in DynamoDB's JSON.
    ///
    /// # Errors
    /// If it is none.
    pub fn of_json(table: Table, json: &Value) -> Result<Self, NotAnItem> {
        let attributes = json.as_object().ok_or(NotAnItem)?.iter();
        let attributes = attributes.map(|(name, value)| Ok((name.clone(), of_json(value)?)));
        let attributes: Attributes = attributes.collect::<Result<_, NotAnItem>>()?;
        let text = |name| matches!(attributes.get(name), Some(AttributeValue::S(text)) if !text.is_empty());
        let has_key = match table {
            Table::Identities => text("pk") && text("sk"),
            Table::Events => text("stream") && matches!(attributes.get("seq"), Some(AttributeValue::N(_))),
        };
        if has_key { Ok(Self { table, attributes }) } else { Err(NotAnItem) }
    }

    /// The item in DynamoDB's JSON. The same item is always the same text.
    #[must_use]
    pub fn json(&self) -> Value {
        map(&self.attributes)
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
        Read(&self.attributes).maybe_text(name).unwrap_or_default()
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
        Read(&self.attributes).maybe_text("state").as_deref() == Some("pending")
    }

    /// Whether the table may have removed it by `moment`, since nobody uses it any more.
    #[must_use]
    pub fn expires_by(&self, moment: Timestamp) -> bool {
        Read(&self.attributes).number::<i64>("ttl").is_ok_and(|ttl| ttl <= moment.seconds())
    }

    /// Who was erased, if this is what is left of them.
    #[must_use]
    pub fn erased_user(&self) -> Option<UserId> {
        let is_left = users::is_user(&self.attributes) && users::is_tombstone(&self.attributes);
        users::id(&self.attributes).ok().filter(|_| self.table == Table::Identities && is_left)
    }

    /// The epoch that it was committed under, and its type, if it is an event.
    #[must_use]
    pub fn event_epoch(&self) -> Option<(u64, String)> {
        let read = Read(&self.attributes);
        Some((event_epoch(&read)?, read.maybe_text("detail_type")?))
    }
}

/// Attributes in the order of their names.
fn map(attributes: &Attributes) -> Value {
    let sorted: BTreeMap<_, _> = attributes.iter().collect();
    Value::Object(
        sorted.into_iter().map(|(name, value)| (name.clone(), to_json(value))).collect::<Map<_, _>>(),
    )
}

fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::B(blob) => json!({"B": STANDARD.encode(blob)}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Ss(texts) => json!({"SS": sorted(texts.clone())}),
        AttributeValue::Ns(numbers) => json!({"NS": sorted(numbers.clone())}),
        AttributeValue::Bs(blobs) => {
            json!({"BS": sorted(blobs.iter().map(|blob| STANDARD.encode(blob)).collect())})
        }
        AttributeValue::L(list) => json!({"L": list.iter().map(to_json).collect::<Vec<_>>()}),
        AttributeValue::M(attributes) => json!({"M": map(attributes)}),
        // Nothing else is there today: `NULL`.
        _ => json!({"NULL": true}),
    }
}

/// A set has no order of its own.
fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}

fn of_json(value: &Value) -> Result<AttributeValue, NotAnItem> {
    let mut fields = value.as_object().ok_or(NotAnItem)?.iter();
    let (Some((kind, value)), None) = (fields.next(), fields.next()) else { return Err(NotAnItem) };
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(NotAnItem);
    let blob = |value: &Value| STANDARD.decode(text(value)?).map(Blob::new).map_err(|_| NotAnItem);
    let list = || value.as_array().ok_or(NotAnItem);
    Ok(match kind.as_str() {
        "S" => AttributeValue::S(text(value)?),
        "N" => AttributeValue::N(text(value)?),
        "B" => AttributeValue::B(blob(value)?),
        "BOOL" => AttributeValue::Bool(value.as_bool().ok_or(NotAnItem)?),
        "NULL" => AttributeValue::Null(true),
        "SS" => AttributeValue::Ss(list()?.iter().map(text).collect::<Result<_, _>>()?),
        "NS" => AttributeValue::Ns(list()?.iter().map(text).collect::<Result<_, _>>()?),
        "BS" => AttributeValue::Bs(list()?.iter().map(blob).collect::<Result<_, _>>()?),
        "L" => AttributeValue::L(list()?.iter().map(of_json).collect::<Result<_, _>>()?),
        "M" => {
            let attributes = value.as_object().ok_or(NotAnItem)?.iter();
            let attributes = attributes.map(|(name, value)| Ok((name.clone(), of_json(value)?)));
            AttributeValue::M(attributes.collect::<Result<_, NotAnItem>>()?)
        }
        _ => return Err(NotAnItem),
    })
}
