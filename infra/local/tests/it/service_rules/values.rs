//! Rules of items and keys.

use serde_json::json;

use super::{Refused, key, put, refused, transaction, update};

const CONSTRAINTS: &str = "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html";
const DATA_TYPES: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html";

pub(super) fn rules() -> Vec<Refused> {
    let put_item = "DynamoDB_20120810.PutItem";
    vec![
        refused("an empty set", DATA_TYPES, put_item, put(&json!({"tags": {"SS": []}})), "may not be empty"),
        refused(
            "a set with a duplicate",
            DATA_TYPES,
            put_item,
            put(&json!({"tags": {"SS": ["a", "a"]}})),
            "contains duplicates",
        ),
        refused(
            "an empty partition key",
            DATA_TYPES,
            put_item,
            json!({"TableName": "Notes", "Item": {"note": {"S": ""}, "at": {"N": "1"}}}),
            "empty string value",
        ),
        refused(
            "an empty partition key in a transaction",
            DATA_TYPES,
            "DynamoDB_20120810.TransactWriteItems",
            transaction(&[json!({"Delete": {"TableName": "Notes", "Key": key("")}})]),
            "empty string value",
        ),
        refused(
            "an empty key of an index",
            DATA_TYPES,
            put_item,
            put(&json!({"day": {"S": ""}})),
            "empty string value",
        ),
        refused(
            "a key of an index of the wrong type",
            DATA_TYPES,
            put_item,
            put(&json!({"day": {"N": "1"}})),
            "Type mismatch",
        ),
        refused(
            "an empty key of an index by an update",
            DATA_TYPES,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": "SET #day = :x",
                "ExpressionAttributeNames": {"#day": "day"},
                "ExpressionAttributeValues": {":x": {"S": ""}},
            })),
            "empty string value",
        ),
        refused(
            "a number of 39 digits",
            DATA_TYPES,
            put_item,
            put(&json!({"count": {"N": "123456789012345678901234567890123456789"}})),
            "38 significant digits",
        ),
        refused(
            "a number that is too large",
            DATA_TYPES,
            put_item,
            put(&json!({"count": {"N": "1e126"}})),
            "Number overflow",
        ),
        refused(
            "an item over 400 KB",
            CONSTRAINTS,
            put_item,
            put(&json!({"text": {"S": "x".repeat(400 * 1024)}})),
            "Item size has exceeded the maximum allowed size",
        ),
        refused(
            "an item over 400 KB by an update",
            CONSTRAINTS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": "SET title = :x",
                "ExpressionAttributeValues": {":x": {"S": "x".repeat(400 * 1024)}},
            })),
            "Item size to update has exceeded the maximum allowed size",
        ),
        refused(
            "values nested more than 32 deep",
            CONSTRAINTS,
            put_item,
            put(&json!({"deep": (0..33).fold(json!({"S": "x"}), |inner, _| json!({"L": [inner]}))})),
            "Nesting Levels",
        ),
    ]
}
