//! Whatever there is of a user besides the user: sessions, links, and what else is under their id.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Timestamp, UserId};
use futures_util::{TryStreamExt, stream};
use serde::Serialize;

use crate::{
    Identities, StoreError,
    dynamodb::attributes::{Attributes, text_of},
    identities::keys,
};

/// Items that are deleted at once.
const DELETES: usize = 16;

/// Something that is under a user's id.
#[derive(Debug, Serialize)]
pub struct Record {
    /// What it is, e.g. `session`.
    kind: String,
    /// Which one.
    id: String,
    /// What it holds: no hash; octets in Base64.
    #[serde(flatten)]
    values: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(i64),
    Moment(Timestamp),
}

impl Identities {
    /// What is under a user's id, as the user may see it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn records(&self, user: UserId) -> Result<Vec<Record>, StoreError> {
        let items = self.items_of(user).await?;
        Ok(items.iter().filter_map(Record::of).collect())
    }

    /// Deletes what is under a user's id.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn delete_records(&self, user: UserId) -> Result<(), StoreError> {
        let items = self.items_of(user).await?;
        let deletes = stream::iter(items.into_iter().map(|item| Ok(self.delete(item))));
        deletes.try_buffer_unordered(DELETES).try_collect().await
    }

    async fn items_of(&self, user: UserId) -> Result<Vec<Attributes>, StoreError> {
        let mut items = self.query(&keys::user_pk(user)).await?;
        items.retain(|item| !keys::is_user(item));
        Ok(items)
    }

    async fn delete(&self, mut item: Attributes) -> Result<(), StoreError> {
        item.retain(|name, _| name == "pk" || name == "sk");
        let delete = self.dynamodb.delete_item().table_name(&self.table).set_key(Some(item));
        delete.send().await.map(drop).map_err(|error| StoreError::of("DeleteItem", error))
    }
}

impl Record {
    fn of(item: &Attributes) -> Option<Self> {
        let key = text_of(item, "sk")?;
        let (kind, id) = key.split_once('#').unwrap_or((key, ""));
        let is_shown = |name: &str| {
            !matches!(name, "pk" | "sk" | "ttl" | "list_pk" | "list_sk") && !name.ends_with("_hash")
        };
        let shown = item.iter().filter(|(name, _)| is_shown(name));
        let values = shown.filter_map(|(name, value)| Some((name.clone(), Value::of(name, value)?)));
        Some(Self { kind: kind.to_ascii_lowercase(), id: id.to_owned(), values: values.collect() })
    }
}

impl Value {
    fn of(name: &str, value: &AttributeValue) -> Option<Self> {
        match value {
            AttributeValue::S(text) => Some(Self::Text(text.clone())),
            AttributeValue::N(number) if name.ends_with("_at") => {
                number.parse().ok().map(|millis| Self::Moment(Timestamp::from_millis(millis)))
            }
            AttributeValue::N(number) => number.parse().ok().map(Self::Number),
            AttributeValue::B(octets) => Some(Self::Text(STANDARD.encode(octets))),
            _ => None,
        }
    }
}
