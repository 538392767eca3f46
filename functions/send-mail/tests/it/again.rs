//! Events that are repeated, late or concurrent.

use std::{
    pin::pin,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::select;
use local::calls::{Fate, Refusal};
use serde_json::json;
use stage::{Stage, faults::Late};

use crate::{deliver, message, messages, stage, token, verify};

#[tokio::test]
async fn an_event_delivered_ten_times_is_mailed_once() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    for _ in 0..9 {
        assert_eq!(deliver(&stage, &message(&stage)).await.len(), 0);
    }

    assert_eq!(stage.stack.mail().len(), 1);
    assert_eq!(verify(&stage, &token(&stage, 0)).await, 201, "the link still works");
}

#[tokio::test]
async fn the_first_event_repeated_after_a_resend_mails_nothing() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await.expect(202);
    stage.settle().await;

    for event in messages(&stage) {
        assert_eq!(deliver(&stage, &event).await.len(), 0);
    }

    assert_eq!(stage.stack.mail().len(), 2);
    assert_eq!(verify(&stage, &token(&stage, 1)).await, 201, "the newest link still works");
}

#[tokio::test]
async fn a_request_without_a_user_mails_nothing_when_repeated() {
    let stage = stage(|_| Fate::Proceed);
    stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await.expect(202);
    stage.settle().await;
    let request = message(&stage);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    assert_eq!(deliver(&stage, &request).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 1, "the mail of the registration");
}

#[tokio::test]
async fn a_sent_mail_is_remembered_while_its_link_works() {
    let stage = Stage::with(|setup| setup.with_parameter("VerificationLinkSeconds", "604800"));
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    let receipts = stage.stack.dynamodb("Scan", &json!({"TableName": "MailReceipts"})).expect("items");
    let ttl = receipts["Items"][0]["ttl"]["N"].as_str().expect("a time");
    let ttl = Duration::from_secs(ttl.parse().expect("seconds"));
    let now = Duration::from_millis(stage.stack.clock().now().millis().try_into().expect("after 1970"));
    assert_eq!(ttl, now + Duration::from_hours(14 * 24));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_concurrent_copies_is_mailed_and_the_other_is_retried() {
    let (is_open, both) = (Arc::new(AtomicBool::new(false)), Barrier::new(2));
    let opened = Arc::clone(&is_open);
    let first_writes = AtomicUsize::new(0);
    let late = Late::default();
    let holds = late.holding(|call| call.operation == "SendEmail");
    let stage = stage(move |call| match call.operation.as_str() {
        _ if !opened.load(SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        // Both request the lease at the same moment.
        "UpdateItem" if first_writes.fetch_add(1, SeqCst) < 2 => {
            both.wait();
            Fate::Proceed
        }
        _ => holds(call),
    });
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    let event = message(&stage);
    is_open.store(true, SeqCst);
    late.expect();

    let copies = (pin!(deliver(&stage, &event)), pin!(deliver(&stage, &event)));
    let (first, mailing) = select(copies.0, copies.1).await.factor_first();
    assert_eq!(first.len(), 1, "it is retried, since the other copy is being mailed");
    late.go_on();
    assert_eq!(mailing.await.len(), 0);
    assert_eq!(deliver(&stage, &event).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 1);
    assert_eq!(verify(&stage, &token(&stage, 0)).await, 201);
}

#[tokio::test]
async fn an_interrupted_mail_is_sent_after_its_lease() {
    let is_dying = Arc::new(AtomicBool::new(true));
    let dying = Arc::clone(&is_dying);
    let stage = stage(move |call| match call.operation.as_str() {
        "SendEmail" if dying.load(SeqCst) => Fate::Refused(Refusal::INTERNAL),
        // The function cannot release its lease either.
        "DeleteItem" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    is_dying.store(false, SeqCst);

    assert_eq!(deliver(&stage, &message(&stage)).await.len(), 1, "it is retried");
    stage.pass(Duration::from_mins(2));
    assert_eq!(deliver(&stage, &message(&stage)).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 1);
}
