//! Items: attribute by attribute, written and read with the types of the domain.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::Timestamp;

use crate::Failure;

/// An item, or its key.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// An item under construction.
#[derive(Default)]
pub(crate) struct Item(Attributes);

impl Item {
    /// An item of the table Identities.
    pub(crate) fn at(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self::default().text("pk", pk).text("sk", sk)
    }

    pub(crate) fn text(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), text(value));
        self
    }

    pub(crate) fn maybe_text(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(crate) fn texts<'a>(mut self, name: &str, values: impl IntoIterator<Item = &'a String>) -> Self {
        let values = values.into_iter().map(text).collect();
        self.0.insert(name.to_owned(), AttributeValue::L(values));
        self
    }

    pub(crate) fn number(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), number(value));
        self
    }

    pub(crate) fn maybe_number(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    pub(crate) fn bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.0.insert(name.to_owned(), bytes(value));
        self
    }

    pub(crate) fn maybe_bytes(self, name: &str, value: Option<&[u8; 32]>) -> Self {
        match value {
            Some(value) => self.bytes(name, value),
            None => self,
        }
    }

    /// A moment, in milliseconds.
    pub(crate) fn moment(self, name: &str, value: Timestamp) -> Self {
        self.number(name, value.millis())
    }

    pub(crate) fn maybe_moment(self, name: &str, value: Option<Timestamp>) -> Self {
        match value {
            Some(value) => self.moment(name, value),
            None => self,
        }
    }

    /// When DynamoDB may remove the item: only a clean-up, never what decides.
    pub(crate) fn ttl(self, value: Timestamp) -> Self {
        self.number("ttl", value.seconds())
    }

    pub(crate) fn build(self) -> Attributes {
        self.0
    }
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

#[expect(clippy::needless_pass_by_value, reason = "numbers are passed as they are written")]
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Reads an item's attributes.
pub(crate) struct Read<'a>(pub(crate) &'a Attributes);

impl Read<'_> {
    pub(crate) fn maybe_text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_s().ok().cloned()
    }

    pub(crate) fn text(&self, name: &'static str) -> Result<String, Failure> {
        self.maybe_text(name).ok_or(Failure::Malformed(name))
    }

    pub(crate) fn texts(&self, name: &'static str) -> Result<Vec<String>, Failure> {
        let list = self.0.get(name).and_then(|value| value.as_l().ok()).ok_or(Failure::Malformed(name))?;
        let text = |value: &AttributeValue| value.as_s().cloned().map_err(|_| Failure::Malformed(name));
        list.iter().map(text).collect()
    }

    /// What `parse` makes of a text attribute.
    pub(crate) fn parsed<T, E>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, Failure> {
        parse(&self.text(name)?).map_err(|_| Failure::Malformed(name))
    }

    /// Bytes that may be missing; of another length they are malformed.
    pub(crate) fn maybe_bytes<const N: usize>(&self, name: &'static str) -> Result<Option<[u8; N]>, Failure> {
        let bytes = |value: &AttributeValue| value.as_b().ok().and_then(|blob| blob.as_ref().try_into().ok());
        self.0.get(name).map(|value| bytes(value).ok_or(Failure::Malformed(name))).transpose()
    }

    pub(crate) fn octets(&self, name: &'static str) -> Result<Vec<u8>, Failure> {
        let blob = self.0.get(name).and_then(|value| value.as_b().ok()).ok_or(Failure::Malformed(name))?;
        Ok(blob.as_ref().to_vec())
    }

    /// What `parse` makes of a text attribute that may be missing.
    pub(crate) fn maybe_parsed<T, E>(
        &self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, Failure> {
        self.maybe_text(name).map(|text| parse(&text).map_err(|_| Failure::Malformed(name))).transpose()
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, name: &'static str) -> Result<T, Failure> {
        let value = self.0.get(name).and_then(|value| value.as_n().ok());
        value.and_then(|number| number.parse().ok()).ok_or(Failure::Malformed(name))
    }

    pub(crate) fn moment(&self, name: &'static str) -> Result<Timestamp, Failure> {
        self.number(name).map(Timestamp::from_millis)
    }
}
