//! Counting users, tested through the local stack.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::{
    Request,
    calls::{Call, Fate},
};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};
use store::UserCounts;

const EMAIL: &str = "ada@example.com";

/// Returns the counts of active and deleting users, and the total.
async fn counts(stage: &Stage) -> [u64; 3] {
    stage.settle().await;
    let cloud = stage.stack.cloud("count-users").expect("a cloud");
    let identities = store::Identities::new(&cloud).expect("a table");
    let counts = UserCounts::new(&cloud, identities.client()).expect("a table").read().await.expect("counts");
    let of = |status| counts.of.get(&status).copied().unwrap_or_default();
    [of(domain::StatusName::Active), of(domain::StatusName::Deleting), counts.total()]
}

async fn leave(stage: &Stage, email: &str) {
    let tokens = Tokens::of(&stage.log_in(email).await.expect(201).body);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&tokens.access)).await.expect(204);
}

/// Returns the events of a type, as EventBridge delivers them.
fn delivered(stage: &Stage, kind: &str) -> Vec<Value> {
    let events = stage.stack.events().into_iter().filter(|event| event.detail_type == kind);
    events.map(|event| json!({"detail-type": kind, "detail": event.detail})).collect()
}

/// Delivers messages to the function again.
async fn again(stage: &Stage, messages: &[Value]) -> Value {
    let records = messages.iter().enumerate();
    let records: Vec<_> =
        records.map(|(at, body)| json!({"messageId": at.to_string(), "body": body.to_string()})).collect();
    stage.stack.call("count-users", json!({"Records": records})).await.expect("an answer")
}

#[tokio::test]
async fn created_changed_and_erased_users_are_counted() {
    let stage = Stage::new();
    assert_eq!(counts(&stage).await, [0, 0, 0]);
    stage.registered(EMAIL).await;
    stage.registered("bob@example.com").await;
    stage.register("eve@example.com").await.expect(202);
    assert_eq!(counts(&stage).await, [2, 0, 2], "a registration is not a user");

    leave(&stage, EMAIL).await;
    assert_eq!(counts(&stage).await, [1, 1, 2]);
    stage.log_in(EMAIL).await.expect(201);
    assert_eq!(counts(&stage).await, [2, 0, 2], "the deletion was canceled");

    leave(&stage, EMAIL).await;
    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    assert_eq!(counts(&stage).await, [1, 0, 1]);
}

#[tokio::test]
async fn repeated_and_late_events_change_no_count() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    leave(&stage, EMAIL).await;
    assert_eq!(counts(&stage).await, [0, 1, 1]);
    let (registered, left) =
        (delivered(&stage, "user.registered"), delivered(&stage, "user.deletion-requested"));

    let answer = again(&stage, &[registered.clone(), left.clone(), registered.clone()].concat()).await;

    assert_eq!(answer, json!({"batchItemFailures": []}));
    assert_eq!(counts(&stage).await, [0, 1, 1]);
    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    stage.settle().await;
    again(&stage, &[registered, left].concat()).await;
    assert_eq!(counts(&stage).await, [0, 0, 0], "erased users are not counted");
}

#[tokio::test]
async fn the_order_of_events_does_not_matter() {
    let is_down = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_down);
    // Deliveries of the bus are dropped, so that the test can deliver them in another order.
    let down = move |call: &Call| match call.function.as_str() {
        "count-users" if watched.load(SeqCst) => Fate::RequestLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(down));
    stage.registered(EMAIL).await;
    leave(&stage, EMAIL).await;
    stage.log_in(EMAIL).await.expect(201);
    stage.stack.settle().await.ok();
    is_down.store(false, SeqCst);
    let mut all = delivered(&stage, "user.deletion-canceled");
    all.extend(delivered(&stage, "user.registered"));
    all.extend(delivered(&stage, "user.deletion-requested"));

    again(&stage, &all).await;

    assert_eq!(counts(&stage).await, [1, 0, 1]);
}

#[tokio::test]
async fn a_count_with_a_lost_request_or_response_is_made_once() {
    for fate in ["answer", "request"] {
        let first = AtomicBool::new(true);
        let lost = move |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
            ("count-users", "TransactWriteItems") if first.swap(false, SeqCst) => {
                if fate == "answer" {
                    Fate::AnswerLost
                } else {
                    Fate::RequestLost
                }
            }
            _ => Fate::Proceed,
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));

        stage.registered(EMAIL).await;
        stage.registered("bob@example.com").await;

        assert_eq!(counts(&stage).await, [2, 0, 2], "{fate} lost");
    }
}

#[tokio::test]
async fn concurrent_events_are_all_counted() {
    let stage = Stage::new();
    let emails: Vec<_> = (0..20).map(|number| format!("{number}@example.com")).collect();
    for email in &emails {
        stage.register(email).await.expect(202);
    }
    stage.settle().await;
    let mut tokens = Vec::new();
    for email in &emails {
        tokens.push(stage.link(email).await);
    }
    let verified = tokens.iter().map(|token| stage.verify(token));
    futures_util::future::join_all(verified).await;

    assert_eq!(counts(&stage).await, [20, 0, 20]);
}

#[tokio::test]
async fn an_event_without_a_user_goes_to_the_dead_letter_queue() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    stage.settle().await;
    let mut event = delivered(&stage, "user.registered").remove(0);
    event["detail"]["subject"] = "role#admin".into();

    let answer = again(&stage, &[event]).await;

    assert_eq!(answer["batchItemFailures"][0]["itemIdentifier"], "0");
}
