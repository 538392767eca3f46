//! Rules of requests as a whole.

use serde_json::json;

use super::{Refused, item, key, put, query, refused, transaction};

const TRANSACTIONS: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html";
const BATCH_WRITE: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html";
const BATCH_GET: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html";
const QUERIES: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html";

/// Transactions and batches.
pub(super) fn groups() -> Vec<Refused> {
    let transact = "DynamoDB_20120810.TransactWriteItems";
    let put_of = |note: String, text: &str| {
        json!({"Put": {"TableName": "Notes", "Item":
        {"note": {"S": note}, "at": {"N": "1"}, "text": {"S": text}}}})
    };
    let keys = |count: usize| (0..count).map(|n| key(&n.to_string())).collect::<Vec<_>>();
    let puts: Vec<_> = (0..26).map(|n| json!({"PutRequest": {"Item": key(&n.to_string())}})).collect();
    // A control character has one byte in the table, and six in JSON.
    let large = |note: usize| json!({"PutRequest": {"Item": item(&json!({"note": {"S": note.to_string()}, "text": {"S": "\u{1}".repeat(390 * 1024)}}))}});
    let large_puts: Vec<_> = (0..8).map(large).collect();
    let twice = json!([{"PutRequest": {"Item": key("a")}}, {"DeleteRequest": {"Key": key("a")}}]);
    vec![
        refused(
            "two operations on one item in a transaction",
            TRANSACTIONS,
            transact,
            transaction(&[
                json!({"Put": put(&json!({}))}),
                json!({"ConditionCheck": {"TableName": "Notes", "Key": key("a"), "ConditionExpression": "attribute_exists(x)"}}),
            ]),
            "multiple operations on one item",
        ),
        refused(
            "a transaction of more than 100 operations",
            TRANSACTIONS,
            transact,
            transaction(&(0..101).map(|n| put_of(n.to_string(), "")).collect::<Vec<_>>()),
            "less than or equal to 100",
        ),
        refused(
            "a transaction over 4 MB",
            TRANSACTIONS,
            transact,
            transaction(&(0..11).map(|n| put_of(n.to_string(), &"x".repeat(399 * 1024))).collect::<Vec<_>>()),
            "4",
        ),
        refused(
            "a request token of more than 36 characters",
            TRANSACTIONS,
            transact,
            json!({"TransactItems": [put_of("a".to_owned(), "")], "ClientRequestToken": "x".repeat(37)}),
            "36",
        ),
        refused(
            "a batch of 26 writes",
            BATCH_WRITE,
            "DynamoDB_20120810.BatchWriteItem",
            json!({"RequestItems": {"Notes": puts}}),
            "25",
        ),
        refused(
            "a batch over 16 MB",
            BATCH_WRITE,
            "DynamoDB_20120810.BatchWriteItem",
            json!({"RequestItems": {"Notes": large_puts}}),
            "16777216",
        ),
        refused(
            "a batch that writes one item twice",
            BATCH_WRITE,
            "DynamoDB_20120810.BatchWriteItem",
            json!({"RequestItems": {"Notes": twice}}),
            "duplicates",
        ),
        refused(
            "a batch of 101 reads",
            BATCH_GET,
            "DynamoDB_20120810.BatchGetItem",
            json!({"RequestItems": {"Notes": {"Keys": keys(101)}}}),
            "100",
        ),
        refused(
            "a batch that reads one item twice",
            BATCH_GET,
            "DynamoDB_20120810.BatchGetItem",
            json!({"RequestItems": {"Notes": {"Keys": [key("a"), key("a")]}}}),
            "duplicates",
        ),
        refused(
            "a transaction of more than 100 reads",
            TRANSACTIONS,
            "DynamoDB_20120810.TransactGetItems",
            transaction(
                &keys(101)
                    .into_iter()
                    .map(|key| json!({"Get": {"TableName": "Notes", "Key": key}}))
                    .collect::<Vec<_>>(),
            ),
            "100",
        ),
    ]
}

pub(super) fn queries() -> Vec<Refused> {
    vec![
        refused(
            "all attributes of an index that has not all",
            QUERIES,
            "DynamoDB_20120810.Query",
            query(&json!({"Select": "ALL_ATTRIBUTES"})),
            "ALL_ATTRIBUTES",
        ),
        refused(
            "an attribute that an index does not project",
            QUERIES,
            "DynamoDB_20120810.Query",
            query(&json!({"ProjectionExpression": "title"})),
            "does not project [title]",
        ),
        refused(
            "a consistent read of a global index",
            QUERIES,
            "DynamoDB_20120810.Query",
            query(&json!({"ConsistentRead": true})),
            "Consistent reads are not supported on global secondary indexes",
        ),
        refused(
            "a key attribute in a filter",
            QUERIES,
            "DynamoDB_20120810.Query",
            query(&json!({"FilterExpression": "#day <> :day"})),
            "can only contain non-primary key attributes",
        ),
        refused(
            "a filter on what an index does not project",
            QUERIES,
            "DynamoDB_20120810.Query",
            query(&json!({"FilterExpression": "title <> :day"})),
            "does not project one or more filter attributes",
        ),
        refused("a limit of 0", QUERIES, "DynamoDB_20120810.Query", query(&json!({"Limit": 0})), "1"),
    ]
}
