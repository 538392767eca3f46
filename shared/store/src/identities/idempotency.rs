//! Receipts: the answers to requests that may be sent again under their keys.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use domain::{Receipt, ReceiptId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Identities, StoreError,
    dynamodb::{
        attributes::{self, Attributes, millis, values},
        item,
        value::{Millis, Octets, Ttl},
    },
    transaction::write::Write,
};

const SK: &str = "IDEMPOTENCY";
/// A key may stand for another request once it has expired: the table's own clean-up may be late.
const UNLESS_GOOD: &str = "attribute_not_exists(pk) OR expires_at <= :now";

fn key(id: ReceiptId) -> Attributes {
    attributes::key(format!("IDEMPOTENCY#{id}"), SK)
}

impl Identities {
    /// The receipt of a request, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn receipt(&self, id: ReceiptId) -> Result<Option<Receipt>, StoreError> {
        let item = self.find::<ReceiptItem>(key(id)).await?;
        Ok(item.map(|item| item.receipt(id)))
    }

    /// Keeps the receipt, if there is to be one, for what is no event, once it is done.
    ///
    /// # Errors
    /// [`StoreError::Answered`] if another request under the same key came first, or if the table fails.
    pub async fn keep_receipt(&self, receipt: Option<Receipt>, now: Timestamp) -> Result<(), StoreError> {
        let Some(receipt) = receipt else { return Ok(()) };
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(&receipt)))
            .condition_expression(UNLESS_GOOD)
            .expression_attribute_values(":now", millis(now));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Err(StoreError::Answered),
                _ => Err(StoreError::of("PutItem", error)),
            },
        }
    }
}

/// Adds a receipt, unless there is a good one at `now`.
pub(crate) fn write(receipt: &Receipt, now: Timestamp) -> Write {
    Write::put(item(receipt)).only_if(UNLESS_GOOD).with(values([(":now", millis(now))]))
}

fn item(receipt: &Receipt) -> Attributes {
    item::write(key(receipt.id), &ReceiptItem::from(receipt))
}

/// A receipt.
#[derive(Serialize, Deserialize)]
pub(crate) struct ReceiptItem {
    answer: Octets<Vec<u8>>,
    expires_at: Millis,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&Receipt> for ReceiptItem {
    fn from(Receipt { sealed, expires_at, .. }: &Receipt) -> Self {
        Self { answer: Octets(sealed.clone()), expires_at: Millis(*expires_at), ttl: Ttl::at(*expires_at) }
    }
}

impl ReceiptItem {
    /// Returns the receipt of this id.
    pub(crate) fn receipt(self, id: ReceiptId) -> Receipt {
        Receipt { id, sealed: self.answer.0, expires_at: self.expires_at.0 }
    }
}
