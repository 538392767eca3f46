//! The public halves of the signing keys.

use std::time::Duration;

use aws_sdk_dynamodb::operation::{put_item::PutItemError, update_item::UpdateItemError};
use domain::{PublicKey, Timestamp};

use crate::{
    Failure, Identities,
    item::{Attributes, Item, Read, number},
};

pub(crate) const PK: &str = "KEYS";
/// Who signs with a key that is gone must not find it missing, and publish it again.
const REMEMBERED_FOR: Duration = Duration::from_hours(24 * 30);

impl Identities {
    /// Publishes a key, unless it is published already. Awaited before the key signs.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn publish_key(&self, key: &PublicKey) -> Result<(), Failure> {
        let item = Item::at(PK, &key.kid)
            .text("jwk", &key.jwk)
            .text("algorithm", &key.algorithm)
            .moment("not_before", key.not_before)
            .build();
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
                _ => Err(Failure::of("PutItem", error)),
            },
        }
    }

    /// Says from when a published key signs, once that is known: never earlier than was said before.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn start_key(&self, kid: &str, at: Timestamp) -> Result<(), Failure> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Item::at(PK, kid).build()))
            .update_expression("SET not_before = :at")
            .condition_expression("attribute_exists(pk) AND not_before < :at")
            .expression_attribute_values(":at", number(at.millis()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(Failure::of("UpdateItem", error)),
            },
        }
    }

    /// Says until when a published key verifies, unless it is said already that it is for less long.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn retire_key(&self, kid: &str, at: Timestamp) -> Result<(), Failure> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Item::at(PK, kid).build()))
            .update_expression("SET retire_at = :at, #ttl = :ttl")
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(retire_at) OR retire_at > :at)",
            )
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":at", number(at.millis()))
            .expression_attribute_values(":ttl", number(at.plus(REMEMBERED_FOR).seconds()));
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(()),
                _ => Err(Failure::of("UpdateItem", error)),
            },
        }
    }

    /// Every published key, retired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn public_keys(&self) -> Result<Vec<PublicKey>, Failure> {
        self.query(PK).await?.iter().map(parse).collect()
    }
}

fn parse(item: &Attributes) -> Result<PublicKey, Failure> {
    let read = Read(item);
    let retire_at = item.contains_key("retire_at").then(|| read.moment("retire_at")).transpose()?;
    Ok(PublicKey {
        kid: read.text("sk")?,
        jwk: read.text("jwk")?,
        algorithm: read.text("algorithm")?,
        not_before: read.moment("not_before")?,
        retire_at,
    })
}
