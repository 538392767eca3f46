//! Items. Each type is one struct of its attributes. `serde_dynamo` turns them into attributes and back.
//!
//! Names and types of attributes are those that tables hold: a field is renamed only in Rust. A value that is
//! `None` is left out. Attributes that a struct does not name are ignored. Fields that are only written, for an
//! index or for the table's own clean-up, say `skip_deserializing`.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};
use serde_path_to_error::Segment;

use crate::dynamodb::attributes::Attributes;

/// A type of item.
pub(crate) trait Item: DeserializeOwned {
    /// The name of the type in errors.
    const TYPE: &'static str;

    /// Reads an item.
    fn read(attributes: Attributes) -> Result<Self, InvalidItem> {
        // `serde_dynamo` panics on a kind of value that the SDK does not know.
        if let Some((name, _)) = attributes.iter().find(|(_, value)| !is_known(value)) {
            return Err(Self::malformed(name));
        }
        let attributes: HashMap<_, _> = serde_dynamo::Item::from(attributes).into_inner();
        let attributes = serde_dynamo::AttributeValue::M(attributes);
        let item = serde_dynamo::Deserializer::from_attribute_value(attributes);
        serde_path_to_error::deserialize(item).map_err(|error| Self::malformed(&attribute(&error)))
    }

    /// Returns the error that an attribute is missing or unusable.
    fn malformed(attribute: &str) -> InvalidItem {
        InvalidItem { item: Self::TYPE, attribute: attribute.to_owned() }
    }
}

/// An item lacks an attribute or holds an unusable one. The error does not hold the value, which may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored {item} has no usable attribute `{attribute}`")]
pub struct InvalidItem {
    /// The type of the item, e.g. `session`.
    pub item: &'static str,
    /// The name of the attribute.
    pub attribute: String,
}

/// Returns the attributes of an item with this key.
pub(crate) fn write(key: Attributes, item: &impl Serialize) -> Attributes {
    #[expect(
        clippy::expect_used,
        reason = "fails only for a map key that is not text, and items hold no maps"
    )]
    let mut attributes: Attributes = serde_dynamo::to_item(item).expect("attributes");
    attributes.retain(|_, value| !value.is_null());
    attributes.extend(key);
    attributes
}

fn is_known(value: &AttributeValue) -> bool {
    match value {
        AttributeValue::L(values) => values.iter().all(is_known),
        AttributeValue::M(values) => values.values().all(is_known),
        value => !value.is_unknown(),
    }
}

/// Returns the name of the attribute that an error is about. `serde` only mentions a missing one in the message.
fn attribute(error: &serde_path_to_error::Error<serde_dynamo::Error>) -> String {
    if let Some(Segment::Map { key }) = error.path().iter().next() {
        return key.clone();
    }
    let message = error.inner().to_string();
    let missing = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    missing.unwrap_or_default().to_owned()
}
