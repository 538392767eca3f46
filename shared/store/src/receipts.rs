//! Receipts: the answers to requests that may be sent again under their keys.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use domain::{Receipt, ReceiptId, Timestamp};

use crate::{
    Failure, Identities,
    item::{Attributes, Item, Read, number},
    transaction::Write,
};

const SK: &str = "IDEMPOTENCY";
/// A key may stand for another request once it has expired: the table's own clean-up may be late.
const UNLESS_GOOD: &str = "attribute_not_exists(pk) OR expires_at <= :now";

fn pk(id: ReceiptId) -> String {
    format!("IDEMPOTENCY#{id}")
}

impl Identities {
    /// The receipt of a request, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn receipt(&self, id: ReceiptId) -> Result<Option<Receipt>, Failure> {
        let item = self.get(pk(id), SK.to_owned()).await?;
        item.map(|item| parse(id, &item)).transpose()
    }

    /// Keeps the receipt, if there is to be one, for what is no event, once it is done.
    ///
    /// # Errors
    /// [`Failure::Answered`] if another request under the same key came first, or if the table fails.
    pub async fn keep_receipt(&self, receipt: Option<Receipt>, now: Timestamp) -> Result<(), Failure> {
        let Some(receipt) = receipt else { return Ok(()) };
        let put = self
            .dynamodb
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item(&receipt)))
            .condition_expression(UNLESS_GOOD)
            .expression_attribute_values(":now", number(now.millis()));
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(_)) => Err(Failure::Answered),
                _ => Err(Failure::of("PutItem", error)),
            },
        }
    }
}

/// Adds a receipt, unless there is a good one at `now`.
pub(crate) fn write(receipt: &Receipt, now: Timestamp) -> Write {
    Write::put(item(receipt)).only_if(UNLESS_GOOD).with(Item::default().moment(":now", now))
}

fn item(receipt: &Receipt) -> Attributes {
    Item::at(pk(receipt.id), SK)
        .bytes("answer", &receipt.sealed)
        .moment("expires_at", receipt.expires_at)
        .ttl(receipt.expires_at)
        .build()
}

fn parse(id: ReceiptId, item: &Attributes) -> Result<Receipt, Failure> {
    let sealed =
        item.get("answer").and_then(|value| value.as_b().ok()).ok_or(Failure::Malformed("answer"))?;
    Ok(Receipt { id, sealed: sealed.as_ref().to_vec(), expires_at: Read(item).moment("expires_at")? })
}
