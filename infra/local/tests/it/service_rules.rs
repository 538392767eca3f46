//! Requests that AWS refuses by its documentation are refused here, too.
//!
//! Each case names its source. A request that breaks no rule stands beside them, so that no case passes because
//! everything is refused.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use local::Stack;
use serde_json::{Value, json};

use crate::small::small;

/// A request that a service refuses.
struct Refused {
    rule: &'static str,
    source: &'static str,
    target: &'static str,
    request: Value,
    /// A part of the error's code or message.
    error: &'static str,
}

const EXPRESSIONS: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters";
const RESERVED: &str = "docs.aws.amazon.com/amazondynamodb/latest/developerguide/ReservedWords.html";
const NAMES: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ExpressionAttributeNames.html";
const CONSTRAINTS: &str = "docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html";
const DATA_TYPES: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html";
const TRANSACTIONS: &str =
    "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html";
const BATCH_WRITE: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html";
const BATCH_GET: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html";
const UPDATES: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html";
const SECRETS: &str = "docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html";
const MAIL: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html";
const HEADERS: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html";
/// `SendEmail` is no target of a header, but a path.
const SEND: &str = "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails";
const QUERIES: &str = "docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html";

fn key(note: &str) -> Value {
    json!({"note": {"S": note}, "at": {"N": "1"}})
}

fn item(more: &Value) -> Value {
    let mut item = key("a");
    for (name, value) in more.as_object().into_iter().flatten() {
        item[name] = value.clone();
    }
    item
}

fn put(more: &Value) -> Value {
    json!({"TableName": "Notes", "Item": item(more)})
}

fn update(more: &Value) -> Value {
    let mut update = json!({"TableName": "Notes", "Key": key("a")});
    for (name, value) in more.as_object().into_iter().flatten() {
        update[name] = value.clone();
    }
    update
}

fn query(more: &Value) -> Value {
    let mut query = json!({
        "TableName": "Notes",
        "IndexName": "days",
        "KeyConditionExpression": "#day = :day",
        "ExpressionAttributeNames": {"#day": "day"},
        "ExpressionAttributeValues": {":day": {"S": "today"}},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        query[name] = value.clone();
    }
    query
}

fn transaction(items: Vec<Value>) -> Value {
    json!({ "TransactItems": items })
}

fn expression_rules() -> Vec<Refused> {
    let refused = |rule, source, target, request, error| Refused { rule, source, target, request, error };
    let long = format!("attribute_exists({})", "x".repeat(4096));
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
            transaction(vec![json!({"Update": update(&json!({
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
            transaction(vec![json!({"Update": update(&json!({
                "UpdateExpression": "REMOVE note",
            }))})]),
            "part of the key",
        ),
    ]
}

fn value_rules() -> Vec<Refused> {
    let refused = |rule, source, target, request, error| Refused { rule, source, target, request, error };
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
            transaction(vec![json!({"Delete": {"TableName": "Notes", "Key": key("")}})]),
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
            "a partition key over 2,048 bytes",
            CONSTRAINTS,
            put_item,
            json!({"TableName": "Notes", "Item": {"note": {"S": "x".repeat(2049)}, "at": {"N": "1"}}}),
            "2048",
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

fn request_rules() -> Vec<Refused> {
    let refused = |rule, source, target, request, error| Refused { rule, source, target, request, error };
    let transact = "DynamoDB_20120810.TransactWriteItems";
    let put_of = |note: String, text: &str| {
        json!({"Put": {"TableName": "Notes", "Item":
        {"note": {"S": note}, "at": {"N": "1"}, "text": {"S": text}}}})
    };
    let keys = |count: usize| (0..count).map(|n| key(&n.to_string())).collect::<Vec<_>>();
    let puts: Vec<_> = (0..26).map(|n| json!({"PutRequest": {"Item": key(&n.to_string())}})).collect();
    let twice = json!([{"PutRequest": {"Item": key("a")}}, {"DeleteRequest": {"Key": key("a")}}]);
    vec![
        refused(
            "two operations on one item in a transaction",
            TRANSACTIONS,
            transact,
            transaction(vec![
                json!({"Put": put(&json!({}))}),
                json!({"ConditionCheck": {"TableName": "Notes", "Key": key("a"), "ConditionExpression": "attribute_exists(x)"}}),
            ]),
            "multiple operations on one item",
        ),
        refused(
            "a transaction of more than 100 operations",
            TRANSACTIONS,
            transact,
            transaction((0..101).map(|n| put_of(n.to_string(), "")).collect()),
            "less than or equal to 100",
        ),
        refused(
            "a transaction over 4 MB",
            TRANSACTIONS,
            transact,
            transaction((0..11).map(|n| put_of(n.to_string(), &"x".repeat(399 * 1024))).collect()),
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
                keys(101).into_iter().map(|key| json!({"Get": {"TableName": "Notes", "Key": key}})).collect(),
            ),
            "100",
        ),
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

fn rules_of_other_services() -> Vec<Refused> {
    let refused = |rule, source, target, request, error| Refused { rule, source, target, request, error };
    let secret = |token: usize, text: usize| {
        let (token, text) = ("x".repeat(token), "x".repeat(text));
        json!({"SecretId": "Key", "ClientRequestToken": token, "SecretString": text, "VersionStages": ["NEXT"]})
    };
    let mail = |to: Value, body: Value, headers: Value| {
        let message = json!({"Subject": {"Data": "x"}, "Body": body, "Headers": headers});
        let from = "small@example.com";
        json!({"FromEmailAddress": from, "Destination": {"ToAddresses": to}, "Content": {"Simple": message}})
    };
    let (one, text) = (json!(["ada@example.com"]), json!({"Text": {"Data": "x"}}));
    let header = |name: usize, value: usize| json!({"Name": "x".repeat(name), "Value": "x".repeat(value)});
    let put_secret = "secretsmanager.PutSecretValue";
    vec![
        refused("a short request token", SECRETS, put_secret, secret(31, 1), "32-64"),
        refused("a long request token", SECRETS, put_secret, secret(65, 1), "32-64"),
        refused("a secret over 64 KB", SECRETS, put_secret, secret(32, 65_537), "65536"),
        refused(
            "51 recipients",
            MAIL,
            SEND,
            mail(json!(vec!["a@b.c"; 51]), text.clone(), json!([])),
            "exceeds 50",
        ),
        refused("no body", MAIL, SEND, mail(one.clone(), json!({}), json!([])), "neither a text"),
        refused(
            "a local part beyond ASCII",
            MAIL,
            SEND,
            mail(json!(["ä@b.c"]), text.clone(), json!([])),
            "ASCII",
        ),
        refused(
            "16 headers",
            HEADERS,
            SEND,
            mail(one.clone(), text.clone(), json!(vec![header(1, 1); 16])),
            "15",
        ),
        refused(
            "a long name",
            HEADERS,
            SEND,
            mail(one.clone(), text.clone(), json!([header(127, 1)])),
            "too long",
        ),
        refused("a long value", HEADERS, SEND, mail(one, text, json!([header(1, 871)])), "too long"),
    ]
}

/// Sends any request through the SDK of a function, where its typed requests would not be wrong enough.
async fn send(stack: &Stack, target: &'static str, request: &Value) -> (u16, String) {
    let client = aws_sdk_dynamodb::Client::new(stack.cloud("write").expect("its cloud").sdk());
    let body = request.to_string();
    let replace = move |sent: &mut HttpRequest| {
        if target.starts_with("https://") {
            sent.headers_mut().remove("x-amz-target");
            sent.set_uri(target).expect("an address");
        } else {
            sent.headers_mut().insert("x-amz-target", target);
        }
        *sent.body_mut() = SdkBody::from(body.clone());
    };
    match client.list_tables().customize().mutate_request(replace).send().await {
        Ok(_) => (200, String::new()),
        Err(error) => {
            let response = error.raw_response().expect("an answer");
            let text = response.body().bytes().unwrap_or_default().to_vec();
            (response.status().as_u16(), String::from_utf8(text).expect("text"))
        }
    }
}

/// Lists the cases that are not refused for the reason that they are there for.
async fn taken(cases: impl IntoIterator<Item = Refused>) -> Vec<String> {
    let stack = small().start().expect("a stack");
    let mut taken = Vec::new();
    for case in cases {
        let (status, text) = send(&stack, case.target, &case.request).await;
        if status != 400 || !text.contains(case.error) {
            let text: String = text.chars().take(300).collect();
            taken.push(format!("{} ({}): {status} {text}", case.rule, case.source));
        }
    }
    taken
}

#[tokio::test]
async fn dynamodb_refuses_what_its_documentation_refuses() {
    let taken = taken(expression_rules().into_iter().chain(value_rules()).chain(request_rules())).await;
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

#[tokio::test]
async fn other_services_refuse_what_their_documentation_refuses() {
    let taken = taken(rules_of_other_services()).await;
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

/// Without it, a service that refuses everything would pass.
#[tokio::test]
async fn a_request_within_every_rule_is_taken() {
    let stack = small().start().expect("a stack");
    let update = update(&json!({
        "UpdateExpression": "SET title = :x, #day = :x REMOVE tags",
        "ConditionExpression": "attribute_exists(note) OR title IN (:x, :x)",
        "ExpressionAttributeNames": {"#day": "day"},
        "ExpressionAttributeValues": {":x": {"S": "x"}},
    }));
    let filtered =
        query(&json!({"FilterExpression": "attribute_exists(note)", "ProjectionExpression": "#day"}));
    for (target, request) in [
        ("DynamoDB_20120810.PutItem", put(&json!({"title": {"S": ""}}))),
        ("DynamoDB_20120810.UpdateItem", update.clone()),
        ("DynamoDB_20120810.TransactWriteItems", transaction(vec![json!({ "Update": update })])),
        ("DynamoDB_20120810.Query", filtered),
    ] {
        assert_eq!(send(&stack, target, &request).await, (200, String::new()), "{target}");
    }
}
