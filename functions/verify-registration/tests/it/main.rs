//! Proving an address, seen from outside.

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use local::calls::{Call, Fate, Refusal, round_trips};
use serde_json::json;
use stage::{Answer, Stage};

const EMAIL: &str = "ada@example.com";

async fn verify(stage: &Stage, token: &str) -> Answer {
    stage.post("/v1/registrations/verify", json!({"token": token})).await
}

#[tokio::test]
async fn a_proven_address_makes_a_user() {
    let stage = Stage::new();

    let user = stage.registered(EMAIL).await;

    assert_eq!(user["email"], EMAIL);
    assert_eq!(user["status"], "active");
    let subject = format!("user#{}", user["id"].as_str().expect("an id"));
    assert_eq!(stage.events_of(&subject).await, ["user.registered"]);
}

#[tokio::test]
async fn it_is_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    stage.register(EMAIL).await.expect(202);
    let token = stage.link(EMAIL).await;
    stage.forget_calls();

    verify(&stage, &token).await.expect(201);

    assert_eq!(round_trips(&stage.stack.calls()), 2);
}

#[tokio::test]
async fn a_link_expires_by_comparison() {
    let stage = Stage::new();
    stage.register(EMAIL).await.expect(202);
    let token = stage.link(EMAIL).await;

    stage.pass(Duration::from_hours(24));

    assert_eq!(verify(&stage, &token).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn a_link_is_good_until_the_last_moment() {
    let stage = Stage::new();
    stage.register(EMAIL).await.expect(202);
    let token = stage.link(EMAIL).await;

    stage.pass(Duration::from_hours(24) - Duration::from_millis(1));

    verify(&stage, &token).await.expect(201);
}

#[tokio::test]
async fn a_proven_address_cannot_be_claimed_again() {
    let stage = Stage::new();
    stage.register(EMAIL).await.expect(202);
    let rival = stage.link(EMAIL).await;
    stage.registered("ADA@EXAMPLE.COM").await;

    assert_eq!(verify(&stage, &rival).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn the_link_is_stored_as_a_hash_only() {
    let stage = Stage::with(local::Setup::recording);
    stage.register(EMAIL).await.expect(202);

    let token = stage.link(EMAIL).await;

    let calls = stage.stack.calls();
    let beside_the_mail = calls.iter().filter(|made| made.call.service != "ses");
    let written = beside_the_mail.map(|made| made.call.request.to_string()).collect::<String>();
    assert!(!written.contains(&token));
}

#[tokio::test]
async fn a_conflict_with_another_transaction_is_tried_again() {
    let calls = AtomicU32::new(0);
    let conflicts = move |call: &Call| match call.operation.as_str() {
        "TransactWriteItems" if call.function == "verify-registration" && calls.fetch_add(1, SeqCst) < 2 => {
            Fate::Refused(Refusal { status: 400, code: "TransactionInProgressException" })
        }
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(conflicts));

    stage.registered(EMAIL).await;
}
