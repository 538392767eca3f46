//! Attributes of primary keys.

use serde_json::Value;

use super::{expressions, indexes::key_attributes};

/// `docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html`, "Partition keys and sort keys".
const MAX_PARTITION_KEY_BYTES: usize = 2048;
const MAX_SORT_KEY_BYTES: usize = 1024;

/// Returns the refusal of an update that changes an attribute of the table's primary key.
pub(super) fn in_update(request: &Value, table: &Value) -> Option<String> {
    let paths = expressions::paths(request["UpdateExpression"].as_str()?, request);
    let keys = key_attributes(&table["KeySchema"]);
    let key = paths.into_iter().find(|path| keys.contains(path))?;
    Some(format!(
        "One or more parameter values were invalid: Cannot update attribute {key}. This attribute is part of the key"
    ))
}

/// Returns the refusal of attributes of which one is too long for the key of an index. The embedded database holds
/// this for the keys of tables only.
pub(super) fn too_long(written: &[(&str, &Value)], table: &Value) -> Option<String> {
    let indexes = ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"].map(|kind| table[kind].as_array());
    let indexes = indexes.into_iter().flatten().flatten();
    let keys = indexes.flat_map(|index| index["KeySchema"].as_array().into_iter().flatten());
    keys.into_iter().find_map(|key| {
        let (limit, message) = if key["KeyType"] == "HASH" {
            (MAX_PARTITION_KEY_BYTES, "Size of hashkey has exceeded the maximum size limit of")
        } else {
            (MAX_SORT_KEY_BYTES, "Aggregated size of all range keys has exceeded the size limit of")
        };
        let mut values = written.iter().filter(|(name, _)| key["AttributeName"] == *name);
        let is_long = values.any(|(_, value)| key_bytes(value) > limit);
        is_long.then(|| format!("One or more parameter values were invalid: {message} {limit} bytes"))
    })
}

/// The size of a text or of a Base64 encoded value. A number is never too long.
fn key_bytes(value: &Value) -> usize {
    let text = |kind: &str| value[kind].as_str().map_or(0, str::len);
    text("S").max(text("B") / 4 * 3)
}
