//! Rules of expressions.

use serde_json::json;

use super::{Refused, query, refused, transaction, update};

const EXPRESSIONS: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters";
const RESERVED: &str = "docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html";
const NAMES: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html";
const UPDATES: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html";

/// Words, names and values.
pub(super) fn names() -> Vec<Refused> {
    vec![
        refused(
            "a reserved word in a condition",
            RESERVED,
            "DynamoDB_20120810.UpdateItem",
            update(
                &json!({"UpdateExpression": "REMOVE title", "ConditionExpression": "attribute_exists(ttl)"}),
            ),
            "reserved keyword: ttl",
        ),
        refused(
            "a reserved word in an update",
            RESERVED,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({"UpdateExpression": "REMOVE status"})),
            "reserved keyword: status",
        ),
        refused(
            "a reserved word in a projection",
            RESERVED,
            "DynamoDB_20120810.GetItem",
            update(&json!({"ProjectionExpression": "name"})),
            "reserved keyword: name",
        ),
        refused(
            "a reserved word in a key condition",
            RESERVED,
            "DynamoDB_20120810.Query",
            query(&json!({"KeyConditionExpression": "day = :day", "ExpressionAttributeNames": null})),
            "reserved keyword: day",
        ),
        refused(
            "an unused name",
            NAMES,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({"UpdateExpression": "REMOVE title", "ExpressionAttributeNames": {"#x": "x"}})),
            "unused in expressions",
        ),
        refused(
            "an unused value",
            NAMES,
            "DynamoDB_20120810.UpdateItem",
            update(
                &json!({"UpdateExpression": "REMOVE title", "ExpressionAttributeValues": {":x": {"S": "x"}}}),
            ),
            "unused in expressions",
        ),
        refused(
            "an unused value in a part of a transaction",
            NAMES,
            "DynamoDB_20120810.TransactWriteItems",
            transaction(&[json!({"Update": update(&json!({
                "UpdateExpression": "REMOVE title",
                "ExpressionAttributeValues": {":x": {"S": "x"}},
            }))})]),
            "unused in expressions",
        ),
        refused(
            "an undefined name",
            NAMES,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({"UpdateExpression": "REMOVE #x"})),
            "attribute name used in the document path is not defined",
        ),
        refused(
            "an undefined value",
            NAMES,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({"UpdateExpression": "SET title = :x"})),
            "attribute value used in expression is not defined",
        ),
    ]
}

/// Sizes, and what an update may not do.
pub(super) fn limits() -> Vec<Refused> {
    let long = format!("attribute_exists({})", "x".repeat(4096));
    vec![
        refused(
            "an expression over 4 KB",
            EXPRESSIONS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({"UpdateExpression": "REMOVE title", "ConditionExpression": long})),
            "Expression size has exceeded the maximum allowed size",
        ),
        refused(
            "an expression of more than 300 operators",
            EXPRESSIONS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": "REMOVE title",
                "ConditionExpression": format!("x = :x{}", " OR x = :x".repeat(160)),
                "ExpressionAttributeValues": {":x": {"S": "x"}},
            })),
            "number of operators",
        ),
        refused(
            "a list of more than 100 operands",
            EXPRESSIONS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": "REMOVE title",
                "ConditionExpression": format!("x IN (:x{})", ", :x".repeat(100)),
                "ExpressionAttributeValues": {":x": {"S": "x"}},
            })),
            "number of operands",
        ),
        refused(
            "a placeholder of a name over 255 bytes",
            EXPRESSIONS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": format!("REMOVE #{}", "x".repeat(255)),
                "ExpressionAttributeNames": {format!("#{}", "x".repeat(255)): "title"},
            })),
            "255",
        ),
        refused(
            "a placeholder of a value over 255 bytes",
            EXPRESSIONS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": format!("SET title = :{}", "x".repeat(255)),
                "ExpressionAttributeValues": {format!(":{}", "x".repeat(255)): {"S": "x"}},
            })),
            "255",
        ),
        refused(
            "names and values of an expression over 2 MB",
            EXPRESSIONS,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": "REMOVE title",
                "ConditionExpression": "title IN (:a, :b, :c, :d, :e, :f)",
                "ExpressionAttributeValues": serde_json::Map::from_iter(
                    ["a", "b", "c", "d", "e", "f"].map(|name| (format!(":{name}"), json!({"S": "x".repeat(390 * 1024)}))),
                ),
            })),
            "2097152",
        ),
        refused(
            "two paths of one update that overlap",
            UPDATES,
            "DynamoDB_20120810.UpdateItem",
            update(
                &json!({"UpdateExpression": "SET title = :x REMOVE title", "ExpressionAttributeValues": {":x": {"S": "x"}}}),
            ),
            "overlap",
        ),
        refused(
            "a key attribute in an update",
            UPDATES,
            "DynamoDB_20120810.UpdateItem",
            update(&json!({
                "UpdateExpression": "SET note = :x",
                "ExpressionAttributeValues": {":x": {"S": "x"}},
            })),
            "part of the key",
        ),
        refused(
            "a key attribute in an update of a transaction",
            UPDATES,
            "DynamoDB_20120810.TransactWriteItems",
            transaction(&[json!({"Update": update(&json!({
                "UpdateExpression": "REMOVE note",
            }))})]),
            "part of the key",
        ),
    ]
}
