//! The public halves of the signing keys.

use std::time::Duration;

use aws_sdk_dynamodb::operation::{put_item::PutItemError, update_item::UpdateItemError};
use domain::{PublicKey, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Identities, StoreError,
    dynamodb::{
        attributes::{self, millis, number},
        item::{self, Item},
        value::Millis,
    },
};

pub(crate) const PK: &str = "KEYS";
/// Who signs with a key that is gone must not find it missing, and publish it again.
const REMEMBERED_FOR: Duration = Duration::from_hours(24 * 30);

impl Identities {
    /// Publishes a key, unless it is published already. Awaited before the key signs.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn publish_key(&self, key: &PublicKey) -> Result<(), StoreError> {
        let item = item::write(attributes::key(PK, &key.kid), &PublicKeyItem::from(key));
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("PutItem", error)),
            },
        }
    }

    /// Says from when a published key signs, once that is known: never earlier than was said before.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn start_key(&self, kid: &str, at: Timestamp) -> Result<(), StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attributes::key(PK, kid)))
            .update_expression("SET not_before = :at")
            .condition_expression("attribute_exists(pk) AND not_before < :at")
            .expression_attribute_values(":at", millis(at));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }

    /// Says until when a published key verifies, unless it is said already that it is for less long.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn retire_key(&self, kid: &str, at: Timestamp) -> Result<(), StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(attributes::key(PK, kid)))
            .update_expression("SET retire_at = :at, #ttl = :ttl")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(retire_at) OR retire_at > :at)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":at", millis(at))
            .expression_attribute_values(":ttl", number(at.plus(REMEMBERED_FOR).seconds()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }

    /// Every published key, retired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn public_keys(&self) -> Result<Vec<PublicKey>, StoreError> {
        let keys = self.query(PK).await?.into_iter();
        Ok(keys.map(|item| PublicKeyItem::read(item).map(PublicKey::from)).collect::<Result<_, _>>()?)
    }
}

/// The public half of a signing key. `retire_at` is added by an expression.
#[derive(Serialize, Deserialize)]
pub(crate) struct PublicKeyItem {
    #[serde(rename = "sk")]
    kid: String,
    jwk: String,
    algorithm: String,
    not_before: Millis,
    retire_at: Option<Millis>,
}

impl From<&PublicKey> for PublicKeyItem {
    fn from(key: &PublicKey) -> Self {
        let PublicKey { kid, jwk, algorithm, not_before, retire_at } = key.clone();
        Self { kid, jwk, algorithm, not_before: Millis(not_before), retire_at: retire_at.map(Millis) }
    }
}

impl From<PublicKeyItem> for PublicKey {
    fn from(item: PublicKeyItem) -> Self {
        let PublicKeyItem { kid, jwk, algorithm, not_before, retire_at } = item;
        Self { kid, jwk, algorithm, not_before: not_before.0, retire_at: retire_at.map(Millis::moment) }
    }
}
