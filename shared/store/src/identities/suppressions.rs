//! The addresses that get no mail. They are hashed: these items outlive the erasure of the user.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::ReturnValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{CanonicalEmail, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    Identities, NextPage, Page, StoreError,
    dynamodb::{
        attributes::{Attributes, key, text},
        item::{self, Item},
        value::{AsText, Millis, Text},
    },
};

const SUPPRESSION: &str = "SUPPRESSION";

/// What an address is known by where it must not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressHash(String);

/// An address that gets no mail.
#[derive(Clone, Debug)]
pub struct Suppression {
    /// Which one.
    pub address: AddressHash,
    /// Why.
    pub reason: SuppressionReason,
    /// Since when.
    pub since: Timestamp,
}

/// Why an address gets no mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppressionReason {
    /// There is no such mailbox.
    Bounce,
    /// Its owner has called a mail unwanted.
    Complaint,
}

impl AddressHash {
    /// That of an address.
    #[must_use]
    pub fn of(email: &CanonicalEmail) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest(&SHA256, email.as_str().as_bytes())))
    }

    /// The hash as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SuppressionReason {
    /// Its name, as it is stored and shown.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bounce => "bounce",
            Self::Complaint => "complaint",
        }
    }

    /// Returns the reason of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Bounce, Self::Complaint].into_iter().find(|reason| reason.name() == name)
    }
}

impl Identities {
    /// Lets an address get no mail any more.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn suppress(
        &self,
        email: &CanonicalEmail,
        reason: SuppressionReason,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let address = AddressHash::of(email);
        let item =
            SuppressionItem { address: Text(address.clone()), reason: Text(reason), since: Millis(since) };
        let item = item::write(suppression_key(&address), &item);
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Why an address gets no mail, if so.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn suppressed(&self, email: &CanonicalEmail) -> Result<Option<Suppression>, StoreError> {
        let key = suppression_key(&AddressHash::of(email));
        Ok(self.find::<SuppressionItem>(key).await?.map(Suppression::from))
    }

    /// Lets an address get mail again. Returns whether it did not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn unsuppress(&self, address: &AddressHash) -> Result<bool, StoreError> {
        let delete = self
            .dynamodb
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(suppression_key(address)))
            .return_values(ReturnValue::AllOld);
        let answer = delete.send().await.map_err(|error| StoreError::of("DeleteItem", error))?;
        Ok(answer.attributes.is_some())
    }

    /// Addresses that get no mail. Reads the whole table: for operators.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn suppressions(&self, start: Option<NextPage>) -> Result<Page<Suppression>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("begins_with(pk, :prefix)")
            .expression_attribute_values(":prefix", text(format!("{SUPPRESSION}#")))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let items = answer.items.unwrap_or_default().into_iter();
        let items = items.map(|item| SuppressionItem::read(item).map(Suppression::from));
        let items = items.collect::<Result<_, _>>()?;
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }
}

fn suppression_key(address: &AddressHash) -> Attributes {
    key(address.text(), SUPPRESSION)
}

/// A suppressed address.
#[derive(Serialize, Deserialize)]
pub(crate) struct SuppressionItem {
    #[serde(rename = "pk")]
    address: Text<AddressHash>,
    reason: Text<SuppressionReason>,
    since: Millis,
}

impl From<SuppressionItem> for Suppression {
    fn from(SuppressionItem { address, reason, since }: SuppressionItem) -> Self {
        Self { address: address.0, reason: reason.0, since: since.0 }
    }
}

/// As the partition of a suppression.
impl AsText for AddressHash {
    fn text(&self) -> String {
        format!("{SUPPRESSION}#{}", self.0)
    }

    fn parse(text: &str) -> Option<Self> {
        let hash = text.strip_prefix(SUPPRESSION)?.strip_prefix('#')?;
        Some(Self(hash.to_owned()))
    }
}

impl AsText for SuppressionReason {
    fn text(&self) -> String {
        self.name().to_owned()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::named(text)
    }
}
