//! The length of keys.

use serde_json::{Value, json};

use super::{Refused, refused, transaction};

const CONSTRAINTS: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-partition-sort-keys";

fn text(bytes: usize) -> Value {
    json!({"S": "x".repeat(bytes)})
}

fn key(book: usize, page: usize) -> Value {
    json!({"book": text(book), "page": text(page)})
}

/// A page with the attributes of an index.
pub(super) fn page(topic: usize, place: usize) -> Value {
    json!({"book": text(2048), "page": text(1024), "topic": text(topic), "place": text(place)})
}

fn put(item: &Value) -> Value {
    json!({"TableName": "Pages", "Item": item})
}

fn update(expression: &str, bytes: usize) -> Value {
    json!({
        "TableName": "Pages",
        "Key": key(1, 1),
        "UpdateExpression": expression,
        "ExpressionAttributeNames": {"#topic": "topic"},
        "ExpressionAttributeValues": {":x": text(bytes)},
    })
}

/// Keys of a table.
pub(super) fn of_tables() -> Vec<Refused> {
    let write = |item: &Value| json!({"RequestItems": {"Pages": [{"PutRequest": {"Item": item}}]}});
    let (long_partition, long_sort) = (key(2049, 1), key(1, 1025));
    let mut refusals = Vec::new();
    for (key, error) in [(long_partition, "2048"), (long_sort, "1024")] {
        let by_key = json!({"TableName": "Pages", "Key": key});
        let operations = [
            ("a long key of a new item", "DynamoDB_20120810.PutItem", put(&key)),
            ("a long key to read by", "DynamoDB_20120810.GetItem", by_key.clone()),
            ("a long key to delete by", "DynamoDB_20120810.DeleteItem", by_key.clone()),
            ("a long key to update by", "DynamoDB_20120810.UpdateItem", by_key.clone()),
            ("a long key in a batch", "DynamoDB_20120810.BatchWriteItem", write(&key)),
            (
                "a long key in a transaction",
                "DynamoDB_20120810.TransactWriteItems",
                transaction(&[json!({"Delete": by_key})]),
            ),
        ];
        let refusal = |(rule, target, request)| refused(rule, CONSTRAINTS, target, request, error);
        refusals.extend(operations.map(refusal));
    }
    refusals
}

/// Keys of an index, in items and in updates.
pub(super) fn of_indexes() -> Vec<Refused> {
    let write = |item: &Value| json!({"RequestItems": {"Pages": [{"PutRequest": {"Item": item}}]}});
    let (long_partition, long_sort) = (page(2049, 1), page(1, 1025));
    let update_item = "DynamoDB_20120810.UpdateItem";
    vec![
        refused(
            "a partition key of an index over 2,048 bytes",
            CONSTRAINTS,
            "DynamoDB_20120810.PutItem",
            put(&long_partition),
            "limit of 2048",
        ),
        refused(
            "a sort key of an index over 1,024 bytes",
            CONSTRAINTS,
            "DynamoDB_20120810.PutItem",
            put(&long_sort),
            "limit of 1024",
        ),
        refused(
            "a long key of an index in a batch",
            CONSTRAINTS,
            "DynamoDB_20120810.BatchWriteItem",
            write(&long_sort),
            "limit of 1024",
        ),
        refused(
            "a long key of an index in a transaction",
            CONSTRAINTS,
            "DynamoDB_20120810.TransactWriteItems",
            transaction(&[json!({"Put": put(&long_partition)})]),
            "limit of 2048",
        ),
        refused(
            "a long key of an index by an update",
            CONSTRAINTS,
            update_item,
            update("SET #topic = :x", 2049),
            "limit of 2048",
        ),
        refused(
            "a long key of an index by an update without a value before",
            CONSTRAINTS,
            update_item,
            update("SET title = :x, #topic = if_not_exists(#topic, :x)", 2049),
            "limit of 2048",
        ),
    ]
}

/// The longest keys, and a long attribute that has the name of a key's within another.
pub(super) fn within() -> Vec<(&'static str, Value)> {
    vec![
        ("DynamoDB_20120810.PutItem", put(&page(2048, 1024))),
        (
            "DynamoDB_20120810.PutItem",
            put(&json!({"book": text(1), "page": text(1), "topic": text(1), "extra": {"M": {}}})),
        ),
        ("DynamoDB_20120810.UpdateItem", update("SET extra.#topic = :x", 2049)),
        ("DynamoDB_20120810.UpdateItem", update("SET title = :x, #topic = #topic", 2049)),
    ]
}
