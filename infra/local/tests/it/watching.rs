//! What a test can see and do at the seam.

use std::{sync::Arc, time::Duration};

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use local::{
    Setup,
    calls::{Call, Fate, Refusal, rights, round_trips},
};

use crate::small::small;

fn client(setup: Setup) -> (local::Stack, Client) {
    let stack = setup.start().expect("a stack");
    let client = Client::new(stack.cloud("write").expect("its cloud").sdk());
    (stack, client)
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

#[tokio::test]
async fn calls_under_way_at_the_same_time_are_one_round_trip() {
    let (stack, client) = client(small().recording());
    let get = |note: &str| {
        let get = client.get_item().table_name("Notes").key("note", text(note));
        get.key("at", AttributeValue::N("1".into())).send()
    };
    let (a, b) = tokio::join!(get("a"), get("b"));
    a.and(b).expect("answers");
    get("c").await.expect("an answer");
    let calls = stack.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!(round_trips(&calls), 2);
    assert_eq!(stack.calls().len(), 0, "they are told once");
}

#[tokio::test]
async fn a_call_tells_what_rights_it_needs_and_what_it_consumed() {
    let (stack, client) = client(small().recording());
    let item = [("note", text("n")), ("at", AttributeValue::N("1".into())), ("day", text("monday"))];
    let put = item
        .into_iter()
        .fold(client.put_item().table_name("Notes"), |put, (name, value)| put.item(name, value));
    let answer = put.send().await.expect("written");
    assert!(answer.consumed_capacity().is_none(), "the function did not ask");
    let query = client.query().table_name("Notes").index_name("days").key_condition_expression("#d = :d");
    let query =
        query.expression_attribute_names("#d", "day").expression_attribute_values(":d", text("monday"));
    assert_eq!(query.send().await.expect("found").count(), 1);
    let calls = stack.calls();
    assert_eq!(calls[0].capacity[0]["CapacityUnits"], 2.0, "{:?}", calls[0].capacity);
    let needed: Vec<_> = rights(&calls)
        .into_iter()
        .map(|touch| {
            format!("{} {} {:?} {:?}", touch.action, touch.resource, touch.index, touch.partition_key)
        })
        .collect();
    assert_eq!(
        needed,
        [r#"dynamodb:PutItem Notes None Some("n")"#, r#"dynamodb:Query Notes Some("days") Some("monday")"#]
    );
    assert_eq!(calls[0].call.function, "write");
}

async fn put(client: &Client) -> bool {
    let put = client.put_item().table_name("Notes").item("note", text("n"));
    put.item("at", AttributeValue::N("1".into())).send().await.is_ok()
}

async fn is_there(client: &Client) -> bool {
    let get =
        client.get_item().table_name("Notes").key("note", text("n")).key("at", AttributeValue::N("1".into()));
    get.send().await.expect("an answer").item().is_some()
}

#[tokio::test]
async fn a_call_can_be_made_to_fail_before_or_after_its_effect() {
    let fates: [(fn() -> Fate, bool); 5] = [
        (|| Fate::Refused(Refusal::ACCESS_DENIED), false),
        (|| Fate::RequestLost, false),
        (|| Fate::Silence, false),
        (|| Fate::DoneBut(Refusal::INTERNAL), true),
        (|| Fate::AnswerLost, true),
    ];
    for (fate, effect) in fates {
        let (_stack, client) =
            client(small().watched_by(
                move |call: &Call| if call.operation == "PutItem" { fate() } else { Fate::Proceed },
            ));
        assert!(!put(&client).await);
        assert_eq!(is_there(&client).await, effect);
    }
}

#[tokio::test]
async fn a_call_that_is_late_is_made_all_the_same() {
    let (_stack, client) = client(small().watched_by(|_| Fate::Delayed(Duration::from_millis(900))));
    assert!(put(&client).await);
}

#[tokio::test]
async fn a_call_is_done_when_nobody_waits_any_more() {
    let put_later = |call: &Call| match call.operation.as_str() {
        "PutItem" => Fate::DoneLater(Duration::ZERO),
        _ => Fate::Proceed,
    };
    let (_stack, client) = client(small().watched_by(put_later));
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { put(&client).await }
    });
    let mut is_done = false;
    for _ in 0..100 {
        is_done = is_done || is_there(&client).await;
    }
    waiting.abort();

    assert!(is_done);
    assert!(waiting.await.is_err_and(|error| error.is_cancelled()), "nobody got an answer");
}

#[tokio::test]
async fn the_first_watcher_that_minds_decides() {
    let seen = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&seen);
    let setup = small().watched_by(move |_| {
        counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Fate::Proceed
    });
    let (_stack, client) = client(setup.watched_by(|_| Fate::Refused(Refusal::ACCESS_DENIED)));
    assert!(!put(&client).await);
    assert_eq!(seen.load(std::sync::atomic::Ordering::SeqCst), 1);
}
