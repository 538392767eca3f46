//! Requests that AWS refuses by its documentation are refused here, too.
//!
//! Each case names its source. A request that breaks no rule stands beside them, so that no case passes because
//! everything is refused.

mod expressions;
mod keys;
mod other_services;
mod requests;
mod values;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use local::Stack;
use serde_json::{Value, json};

use crate::small::small;

/// A request that a service refuses.
#[derive(Clone)]
struct Refused {
    rule: &'static str,
    source: &'static str,
    target: &'static str,
    request: Value,
    /// A part of the error's code or message.
    error: &'static str,
}

fn refused(
    rule: &'static str,
    source: &'static str,
    target: &'static str,
    request: Value,
    error: &'static str,
) -> Refused {
    Refused { rule, source, target, request, error }
}

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

fn transaction(operations: &[Value]) -> Value {
    json!({ "TransactItems": operations })
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
    let taken = taken(
        [
            expressions::names(),
            expressions::limits(),
            values::rules(),
            keys::of_tables(),
            keys::of_indexes(),
            requests::groups(),
            requests::queries(),
        ]
        .concat(),
    )
    .await;
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}

/// `docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html`.
#[tokio::test]
async fn a_transaction_cannot_read_more_than_4_mb() {
    let stack = small().start().expect("a stack");
    let get = |note: usize| json!({"Get": {"TableName": "Notes", "Key": key(&note.to_string())}});
    let gets: Vec<_> = (0..11).map(get).collect();
    for note in 0..11 {
        let item = item(&json!({"note": {"S": note.to_string()}, "text": {"S": "x".repeat(399 * 1024)}}));
        stack.dynamodb("PutItem", &json!({"TableName": "Notes", "Item": item})).expect("put");
    }

    let refused = send(&stack, "DynamoDB_20120810.TransactGetItems", &transaction(&gets)).await;

    assert!(refused.0 == 400 && refused.1.contains("4MB"), "{refused:?}");
    let read = send(&stack, "DynamoDB_20120810.TransactGetItems", &transaction(&gets[..10])).await;
    assert_eq!(read.0, 200);
}

#[tokio::test]
async fn other_services_refuse_what_their_documentation_refuses() {
    let taken = taken(
        [other_services::of_secrets_manager(), other_services::of_ses(), other_services::of_headers()]
            .concat(),
    )
    .await;
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
    let mut requests = vec![
        ("DynamoDB_20120810.PutItem", put(&json!({"title": {"S": ""}}))),
        ("DynamoDB_20120810.UpdateItem", update.clone()),
        ("DynamoDB_20120810.TransactWriteItems", transaction(&[json!({ "Update": update })])),
        ("DynamoDB_20120810.Query", filtered),
    ];
    requests.extend(keys::within());
    requests.extend(other_services::within());
    for (target, request) in requests {
        assert_eq!(send(&stack, target, &request).await, (200, String::new()), "{target}");
    }
}
