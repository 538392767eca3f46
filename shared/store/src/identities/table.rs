//! The table Identities: its one way to read an item.

use aws_sdk_dynamodb::Client;
use cloud::{Cloud, SettingError};

use crate::{
    StoreError,
    dynamodb::{
        attributes::{Attributes, text},
        capacity::counted_client,
        item::Item,
    },
};

/// The table Identities: what is. Every read is strongly consistent.
#[derive(Clone, Debug)]
pub struct Identities {
    pub(crate) dynamodb: Client,
    pub(crate) table: String,
}

impl Identities {
    /// The table that the setting `IDENTITIES_TABLE` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        Ok(Self { dynamodb: counted_client(cloud), table: cloud.settings().text("IDENTITIES_TABLE")? })
    }

    /// The client, for a function that keeps a table of its own besides: one more would cost a start
    /// and a handshake.
    #[must_use]
    pub fn client(&self) -> Client {
        self.dynamodb.clone()
    }

    /// Reads the item with this key.
    pub(crate) async fn find<I: Item>(&self, key: Attributes) -> Result<Option<I>, StoreError> {
        Ok(self.get(key).await?.map(I::read).transpose()?)
    }

    pub(crate) async fn get(&self, key: Attributes) -> Result<Option<Attributes>, StoreError> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true).set_key(Some(key));
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(answer.item)
    }

    pub(crate) async fn query(&self, pk: &str) -> Result<Vec<Attributes>, StoreError> {
        let (mut items, mut start) = (Vec::new(), None);
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(pk))
                .set_exclusive_start_key(start);
            let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }
}
