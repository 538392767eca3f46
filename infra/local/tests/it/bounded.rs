//! The bounds of the local cloud: request tokens, expired items, mails and events to be shown.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use cloud::Clock;
use domain::Timestamp;
use local::{Request, Setup, Stack};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    durable::{Scratch, small_in},
    small::small,
};

const START: i64 = 1_795_230_000_000;

/// A deployment whose clock stands until it is set.
fn at_a_time(setup: Setup) -> (Stack, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(START));
    let read = Arc::clone(&time);
    let clock = Clock::of(move || Timestamp::from_millis(read.load(Ordering::SeqCst)));
    (setup.with_clock(clock).start().expect("a stack"), time)
}

/// Adds one to a counter, once for each token.
fn counting(token: &str, note: &str) -> Value {
    json!({"ClientRequestToken": token, "TransactItems": [{"Update": {
        "TableName": "Notes", "Key": {"note": {"S": note}, "at": {"N": "1"}},
        "UpdateExpression": "ADD #count :one",
        "ExpressionAttributeNames": {"#count": "count"}, "ExpressionAttributeValues": {":one": {"N": "1"}},
    }}]})
}

fn get(stack: &Stack, note: &str) -> Value {
    let key = json!({"TableName": "Notes", "Key": {"note": {"S": note}, "at": {"N": "1"}}});
    stack.dynamodb("GetItem", &key).expect("an answer")["Item"].clone()
}

fn count(stack: &Stack, note: &str) -> Value {
    get(stack, note)["count"]["N"].clone()
}

#[test]
fn a_transaction_takes_effect_once_in_ten_minutes_for_each_token() {
    let (stack, time) = at_a_time(small());
    let transact = |request: &Value| stack.dynamodb("TransactWriteItems", request);

    for _ in 0..3 {
        assert_eq!(transact(&counting("a", "n")), Ok(json!({})));
    }
    assert_eq!(count(&stack, "n"), "1");
    let other = transact(&counting("a", "m")).expect_err("another request");
    assert!(
        other["__type"].as_str().is_some_and(|kind| kind.ends_with("IdempotentParameterMismatchException")),
        "{other}"
    );
    assert_eq!(count(&stack, "m"), Value::Null);

    time.fetch_add(600_000, Ordering::SeqCst);
    transact(&counting("a", "n")).expect("remembered");
    assert_eq!(count(&stack, "n"), "1");
    time.fetch_add(1, Ordering::SeqCst);
    transact(&counting("a", "n")).expect("forgotten");
    assert_eq!(count(&stack, "n"), "2");
}

#[test]
fn a_transaction_that_failed_is_made_when_it_is_asked_for_again() {
    let (stack, _) = at_a_time(small());
    let mut request = counting("a", "n");
    request["TransactItems"][0]["Update"]["ConditionExpression"] = "attribute_exists(note)".into();
    stack.dynamodb("TransactWriteItems", &request).expect_err("not there");
    let put = json!({"TableName": "Notes", "Item": {"note": {"S": "n"}, "at": {"N": "1"}}});
    stack.dynamodb("PutItem", &put).expect("put");

    stack.dynamodb("TransactWriteItems", &request).expect("there");

    assert_eq!(count(&stack, "n"), "1");
}

/// Lets the minute pass in which expired items are deleted.
async fn a_minute_passes(stack: &Stack) {
    let running = stack.run(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    tokio::time::sleep(Duration::from_secs(61)).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn expired_items_are_deleted_and_no_others() {
    let (stack, time) = at_a_time(small());
    let now = START / 1_000;
    let put = |note: &str, more: Value| {
        let mut item = json!({"note": {"S": note}, "at": {"N": "1"}});
        item.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        stack.dynamodb("PutItem", &json!({"TableName": "Notes", "Item": item})).expect("put");
    };
    let ttl = |at: i64| json!({"ttl": {"N": at.to_string()}});
    (0..250).for_each(|number| put(&format!("old{number}"), ttl(now - 1)));
    put("later", ttl(now + 1));
    put("text", json!({"ttl": {"S": "1"}}));
    put("none", json!({}));

    a_minute_passes(&stack).await;

    let left = |stack: &Stack| {
        let page = stack.dynamodb("Scan", &json!({"TableName": "Notes"})).expect("an answer");
        let notes = page["Items"].as_array().expect("items").iter().map(|item| item["note"]["S"].clone());
        let mut notes: Vec<_> = notes.map(|note| note.as_str().expect("text").to_owned()).collect();
        notes.sort();
        notes
    };
    assert_eq!(left(&stack), ["later", "none", "text"]);
    time.fetch_add(3_000, Ordering::SeqCst);
    a_minute_passes(&stack).await;
    assert_eq!(left(&stack), ["none", "text"]);
}

/// Idle, the local cloud must not read every item each minute.
#[test]
fn expired_items_are_found_by_an_index() {
    let scratch = Scratch::new();
    let stack = small_in(&scratch).start().expect("a stack");
    let database = rusqlite::Connection::open(scratch.data().join("gatepost.db")).expect("the file");
    let expires_at = r#"CAST(json_extract(item_json, '$."ttl".N') AS INTEGER)"#;
    let query = format!(
        "EXPLAIN QUERY PLAN SELECT item_json FROM Notes WHERE {expires_at} IS NOT NULL AND {expires_at} < 7 \
         ORDER BY {expires_at} LIMIT 100"
    );

    let plan = database.query_row(&query, [], |row| row.get::<_, String>(3)).expect("a plan");

    assert!(plan.contains("SEARCH Notes USING INDEX local_expiry_Notes"), "{plan}");
    drop(stack);
}

#[tokio::test]
async fn the_newest_mails_and_events_are_kept_to_be_shown() {
    let scratch = Scratch::new();
    let notes = |stack: &Stack| -> Vec<Value> {
        stack.events().into_iter().map(|event| event.detail["note"].clone()).collect()
    };
    let stack = small_in(&scratch).start().expect("a stack");
    for number in 1..=5 {
        stack.request(Request::post(&format!("/notes/n{number}"), &())).await;
        stack.settle().await.expect("settled");
    }
    assert_eq!((stack.events().len(), stack.mail().len()), (5, 5));
    drop(stack);

    let stack = small_in(&scratch).showing(3).start().expect("the same data");

    assert_eq!(notes(&stack), ["n3", "n4", "n5"]);
    stack.request(Request::post("/notes/n6", &())).await;
    stack.settle().await.expect("settled");
    assert_eq!(notes(&stack), ["n4", "n5", "n6"]);
    for path in ["/_local/mail", "/_local/events"] {
        let answer = stack.request(Request::get(path)).await;
        let list: Value = answer.json().expect("JSON");
        assert_eq!((list.as_array().map(Vec::len), answer.header("x-kept")), (Some(3), "3"), "{path}");
    }
}
