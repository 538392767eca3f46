//! The caps of mails that anonymous callers can cause.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::calls::{Fate, Refusal};
use serde_json::{Value, json};
use stage::Stage;

use crate::{deliver, message, stage, token, verify};

/// Requests another verification mail several times, each with its own event.
async fn ask(stage: &Stage, registered: &str, times: usize) {
    let mut message: Value = serde_json::from_str(registered).expect("JSON");
    for _ in 0..times {
        message["detail"]["id"] =
            stage.stack.cloud("send-mail").expect("a cloud").random().uuid().to_string().into();
        assert_eq!(deliver(stage, &message.to_string()).await.len(), 0);
        stage.pass(Duration::from_secs(40));
    }
}

#[tokio::test]
async fn an_address_gets_five_mails_an_hour_and_twenty_a_day() {
    let stage = Stage::with(|setup| setup.with_parameter("VerificationLinkSeconds", "604800"));
    stage.register("ada@example.com").await.expect(202);
    let ada = message_of(&stage).await;
    for hour in 1..=6 {
        ask(&stage, &ada, 8).await;
        assert_eq!(stage.stack.mail().len(), (hour * 5).min(20), "hour {hour}");
        stage.pass(Duration::from_hours(1));
    }
    assert!(stage.stack.metrics().contains_key("MailsCapped"));
    stage.register("bob@example.com").await.expect(202);
    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 21, "other addresses get theirs");

    stage.pass(Duration::from_hours(24));
    stage.register("ADA@example.com").await.expect(202);
    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 22);
}

async fn message_of(stage: &Stage) -> String {
    stage.settle().await;
    message(stage)
}

#[tokio::test]
async fn a_mail_beyond_the_cap_keeps_the_previous_link_valid() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    for _ in 0..7 {
        stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await;
        stage.settle().await;
        stage.pass(Duration::from_mins(5));
    }

    let last = stage.stack.mail().len() - 1;
    assert_eq!(last, 4);
    assert_eq!(verify(&stage, &token(&stage, last)).await, 201);
}

#[tokio::test]
async fn a_retried_mail_counts_once() {
    let is_down = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&is_down);
    let stage = stage(move |call| match call.operation.as_str() {
        "SendEmail" if watched.load(SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    stage.register("ada@example.com").await.expect(202);
    let ada = message_of(&stage).await;
    ask(&stage, &ada, 3).await;

    is_down.store(true, SeqCst);
    let mut fifth: Value = serde_json::from_str(&ada).expect("JSON");
    fifth["detail"]["id"] = "the-fifth".into();
    let fifth = fifth.to_string();
    for _ in 0..10 {
        assert_eq!(deliver(&stage, &fifth).await.len(), 1);
    }
    is_down.store(false, SeqCst);
    assert_eq!(deliver(&stage, &fifth).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 5);
}

#[tokio::test]
async fn counters_contain_no_address() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    let items = stage.stack.dynamodb("Scan", &json!({"TableName": "Identities"})).expect("items");
    let items = items["Items"].as_array().expect("items").iter();
    let counters: Vec<_> = items
        .filter(|item| item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("LIMIT#mail#")))
        .collect();

    assert_eq!(counters.len(), 1);
    assert!(!counters[0].to_string().contains("ada"), "{}", counters[0]);
    let tomorrow = 1_795_219_200 + 24 * 60 * 60;
    assert_eq!(counters[0]["ttl"]["N"], tomorrow.to_string(), "it expires tomorrow");
}
