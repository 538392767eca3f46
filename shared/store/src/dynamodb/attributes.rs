//! Attributes as the SDK has them: keys, the values of expressions, and the few attributes that are looked at by
//! themselves.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::Timestamp;

/// The attributes of an item or a key, or the values of an expression.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// Returns a key of the table Identities.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<String>) -> Attributes {
    values([("pk", text(pk)), ("sk", text(sk))])
}

/// Returns the values that the placeholders of an expression stand for.
pub(crate) fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Attributes {
    values.map(|(name, value)| (name.to_owned(), value)).into()
}

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn texts(values: &[String]) -> AttributeValue {
    AttributeValue::L(values.iter().map(text).collect())
}

pub(crate) fn bytes(value: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(value))
}

#[expect(clippy::needless_pass_by_value, reason = "numbers are passed as they are written")]
pub(crate) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Returns a moment as items hold it, in milliseconds.
pub(crate) fn millis(moment: Timestamp) -> AttributeValue {
    number(moment.millis())
}

/// Returns an attribute of an item if it is text.
pub(crate) fn text_of<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Digits are padded, so that text order is time order.
pub(crate) fn sortable(moment: Timestamp) -> String {
    format!("{:015}", moment.millis())
}
