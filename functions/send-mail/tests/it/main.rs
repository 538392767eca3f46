//! Sending mails, tested from a registration to the mailbox.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod accounts;
mod again;
mod caps;
mod digest;
mod flows;
mod folder;
mod invitations;
mod notices;
mod reset;
mod smtp;
mod templates;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::calls::{Call, Fate, Refusal};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage};

fn stage(fate: impl Fn(&Call) -> Fate + Send + Sync + 'static) -> Stage {
    let of_mail = move |call: &Call| if call.function == "send-mail" { fate(call) } else { Fate::Proceed };
    Stage::with(|setup| setup.watched_by(of_mail).recording())
}

/// Delivers an event as the queue does.
async fn deliver(stage: &Stage, message: &str) -> Vec<Value> {
    let batch = json!({"Records": [{"messageId": "m1", "body": message}]});
    let answer = stage.stack.call("send-mail", batch).await.expect("an answer");
    answer["batchItemFailures"].as_array().expect("failures").clone()
}

/// Returns the messages of all events, oldest first.
fn messages(stage: &Stage) -> Vec<String> {
    let message = |event: local::Published| {
        json!({"id": event.id, "source": event.source, "detail-type": event.detail_type, "detail": event.detail})
            .to_string()
    };
    stage.stack.events().into_iter().map(message).collect()
}

/// Returns the message of the last event.
fn message(stage: &Stage) -> String {
    messages(stage).pop().expect("an event")
}

fn token(stage: &Stage, mail: usize) -> String {
    let mail = &stage.stack.mail()[mail];
    mail.links[0].split_once("#token=").expect("a token").1.to_owned()
}

async fn verify(stage: &Stage, token: &str) -> u16 {
    stage.verify(token).await.status
}

#[tokio::test]
async fn a_registration_sends_a_working_link() {
    let stage = Stage::with(|setup| setup.with_parameter("ServiceName", "Tom & Jerry"));
    let request = json!({"email": "Ada@Example.com", "password": PASSWORD, "first_name": "Ada"});
    stage.post("/v1/registrations", request).await.expect(202);

    stage.settle().await;

    let mails = stage.stack.mail();
    assert_eq!(mails.len(), 1);
    let mail = &mails[0];
    assert_eq!((mail.to[0].as_str(), mail.from.as_str()), ("Ada@Example.com", "no-reply@gatepost.example"));
    assert_eq!(mail.subject, "Confirm your e-mail address for Tom & Jerry");
    assert!(mail.text.starts_with("Hello,"), "by no name: the address is not proven");
    assert!(mail.text.contains("24 hours"));
    let html = mail.html.as_deref().expect("HTML");
    assert!(html.contains("Tom &amp; Jerry") && html.contains(&mail.links[0]));
    assert_eq!(verify(&stage, &token(&stage, 0)).await, 201);
}

#[tokio::test]
async fn the_token_is_in_the_mail_and_nowhere_else() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    let token = token(&stage, 0);

    let calls = stage.stack.calls();
    let holders = calls.iter().filter(|made| made.call.request.to_string().contains(&token));
    let holders: Vec<_> = holders.map(|made| made.call.operation.as_str()).collect();
    assert_eq!(holders, ["SendEmail"]);
    assert!(!stage.stack.events().iter().any(|event| event.detail.to_string().contains(&token)));
}

#[tokio::test]
async fn another_request_sends_a_new_link_that_replaces_the_old_one() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    stage.pass(Duration::from_hours(20));

    stage.post("/v1/registrations/resend", json!({"email": "ADA@example.com"})).await.expect(202);
    stage.settle().await;

    assert_eq!(stage.stack.mail().len(), 2);
    assert!(stage.stack.mail()[1].text.contains("4 hours"), "the rest of the day");
    assert_eq!(verify(&stage, &token(&stage, 0)).await, 400);
    assert_eq!(verify(&stage, &token(&stage, 1)).await, 201);
}

#[tokio::test]
async fn addresses_without_a_registration_get_no_mail() {
    let stage = stage(|_| Fate::Proceed);
    stage.registered("ada@example.com").await;

    for email in ["nobody@example.com", "ada@example.com"] {
        stage.post("/v1/registrations/resend", json!({"email": email})).await.expect(202);
    }
    stage.settle().await;

    assert_eq!(stage.stack.mail().len(), 1, "only the one that proved the address");
}

#[tokio::test]
async fn a_registration_that_has_expired_is_not_mailed() {
    let is_down = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_down);
    let stage = stage(move |call| match call.operation.as_str() {
        "SendEmail" if watched.load(SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    stage.register("ada@example.com").await.expect(202);
    assert!(stage.stack.settle().await.is_ok(), "the queue gives the message to the dead-letter queue");

    is_down.store(false, SeqCst);
    stage.pass(Duration::from_hours(24));
    let failures = deliver(&stage, &message(&stage)).await;

    assert_eq!((failures.len(), stage.stack.mail().len()), (0, 0));
}

#[tokio::test]
async fn a_mail_refused_by_ses_is_retried() {
    let is_down = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_down);
    let stage = stage(move |call| match call.operation.as_str() {
        "SendEmail" if watched.load(SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    stage.register("ada@example.com").await.expect(202);
    assert!(stage.stack.settle().await.is_ok());
    assert_eq!(stage.stack.waiting("MailDeadLetters").len(), 1, "an operator can send it back");

    assert_eq!(deliver(&stage, &message(&stage)).await, [json!({"itemIdentifier": "m1"})]);
    is_down.store(false, SeqCst);
    assert_eq!(deliver(&stage, &message(&stage)).await, Vec::<Value>::new());

    assert_eq!(stage.stack.mail().len(), 1);
    assert_eq!(verify(&stage, &token(&stage, 0)).await, 201);
}

#[tokio::test]
async fn a_mail_with_a_lost_response_is_retried_by_the_queue_only() {
    let is_lost = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_lost);
    let stage = stage(move |call| match call.operation.as_str() {
        "SendEmail" if watched.load(SeqCst) => Fate::AnswerLost,
        _ => Fate::Proceed,
    });
    stage.register("ada@example.com").await.expect(202);
    assert!(stage.stack.settle().await.is_ok());
    let (sent, asked) = (stage.stack.mail().len(), stage.stack.calls());
    let asked = asked.iter().filter(|made| made.call.operation == "SendEmail").count();
    assert_eq!((sent, asked), (10, 10), "one attempt for each delivery of the queue, not three");

    is_lost.store(false, SeqCst);
    assert_eq!(deliver(&stage, &message(&stage)).await, Vec::<Value>::new());

    assert_eq!(verify(&stage, &token(&stage, 10)).await, 201, "the last one works");
}

#[tokio::test]
async fn a_lost_receipt_sends_no_second_mail() {
    let stage = stage(|call| match call.request["UpdateExpression"].as_str() {
        Some(expression) if expression.contains("#done") => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;

    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn an_event_without_a_mail_goes_to_the_dead_letter_queue() {
    let stage = stage(|_| Fate::Proceed);
    stage.registered("ada@example.com").await;
    stage.settle().await;

    let failures = deliver(&stage, &message(&stage)).await;

    assert_eq!(failures, [json!({"itemIdentifier": "m1"})], "`user.registered` has no mail");
    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn an_internationalized_domain_is_encoded_for_ses() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("Ada@Bücher.example").await.expect(202);

    stage.settle().await;

    assert_eq!(stage.stack.mail()[0].to, ["Ada@xn--bcher-kva.example"]);
}

#[tokio::test]
async fn the_hash_is_stored_before_the_mail_leaves() {
    let order = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&order);
    let stage = stage(move |call| {
        seen.lock().expect("no panic").push(call.operation.clone());
        Fate::Proceed
    });
    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;

    assert_eq!(
        *order.lock().expect("no panic"),
        // Lease; registration, owner, suppression; cap; link; mail; receipt.
        [
            "UpdateItem",
            "GetItem",
            "GetItem",
            "GetItem",
            "UpdateItem",
            "UpdateItem",
            "SendEmail",
            "UpdateItem"
        ]
    );
}
