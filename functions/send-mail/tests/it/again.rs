//! Events that come again, late, or twice at once.

use std::{
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use domain::{LinkHash, Purpose};
use local::calls::{Call, Fate, Refusal};
use serde_json::json;
use stage::Stage;
use tokens::LinkToken;

use crate::{deliver, message, messages, stage, token, verify};

#[tokio::test]
async fn an_event_that_comes_ten_times_is_mailed_once() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    for _ in 0..9 {
        assert_eq!(deliver(&stage, &message(&stage)).await.len(), 0);
    }

    assert_eq!(stage.stack.mail().len(), 1);
    assert_eq!(verify(&stage, &token(&stage, 0)).await, 201, "and the link is still good");
}

#[tokio::test]
async fn the_first_event_that_comes_again_after_a_resend_mails_nothing() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await.expect(202);
    stage.settle().await;

    for event in messages(&stage) {
        assert_eq!(deliver(&stage, &event).await.len(), 0);
    }

    assert_eq!(stage.stack.mail().len(), 2);
    assert_eq!(verify(&stage, &token(&stage, 1)).await, 201, "the newest link is still good");
}

#[tokio::test]
async fn a_request_that_found_nobody_finds_nobody_when_it_comes_again() {
    let stage = stage(|_| Fate::Proceed);
    stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await.expect(202);
    stage.settle().await;
    let request = message(&stage);
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    assert_eq!(deliver(&stage, &request).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 1, "that of the registration");
}

#[tokio::test]
async fn it_is_not_forgotten_while_a_link_may_work() {
    let stage = Stage::with(|setup| setup.recording().with_parameter("VerificationLinkSeconds", "604800"));
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;

    let calls = stage.stack.calls();
    let of_mail = |made: &&local::calls::Made| {
        made.call.function == "send-mail" && made.call.operation == "TransactWriteItems"
    };
    let commit = &calls.iter().find(of_mail).expect("a position").call.request;
    let ttl = commit["TransactItems"][0]["Put"]["Item"]["ttl"]["N"].as_str().expect("a time");
    let ttl = Duration::from_secs(ttl.parse().expect("seconds"));

    let now = Duration::from_millis(stage.stack.clock().now().millis().try_into().expect("after 1970"));
    assert_eq!(ttl, now + Duration::from_hours(14 * 24));
}

/// Two copies have each stored a link; SES takes the mail with the replaced one, and refuses the
/// other, once.
fn two_at_once() -> impl Fn(&Call) -> Fate {
    let (both, newest, mails) = (Barrier::new(2), Mutex::new(None), AtomicUsize::new(0));
    move |call| match call.operation.as_str() {
        "UpdateItem" => {
            let values = &call.request["ExpressionAttributeValues"];
            *newest.lock().expect("no panic") = values[":link"]["B"].as_str().map(str::to_owned);
            Fate::Proceed
        }
        "SendEmail" if mails.fetch_add(1, SeqCst) < 2 => {
            both.wait();
            let newest = newest.lock().expect("no panic").clone();
            if newest == Some(base64(&mailed(call))) {
                Fate::Refused(Refusal::ACCESS_DENIED)
            } else {
                Fate::Proceed
            }
        }
        _ => Fate::Proceed,
    }
}

fn mailed(call: &Call) -> LinkHash {
    let request = call.request.to_string();
    let (_, rest) = request.split_once("#token=").expect("a link");
    let is_part = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-';
    let token: String = rest.chars().take_while(is_part).collect();
    LinkToken::parse(&token, Purpose::VerifyRegistration).expect("a token").hash()
}

/// As the SDK writes bytes.
fn base64(hash: &LinkHash) -> String {
    aws_smithy_types::base64::encode(hash.bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_copies_at_once_the_last_mail_has_a_link_that_works() {
    let together = two_at_once();
    let is_open = Arc::new(AtomicUsize::new(0));
    let opened = Arc::clone(&is_open);
    let stage = stage(move |call| match opened.load(SeqCst) {
        0 => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => together(call),
    });
    stage.register("ada@example.com").await.expect(202);
    stage.settle().await;
    let event = message(&stage);
    is_open.store(1, SeqCst);

    let (first, second) = tokio::join!(deliver(&stage, &event), deliver(&stage, &event));
    assert_eq!((first.len(), second.len()), (1, 1), "both copies come again");
    for _ in 0..2 {
        deliver(&stage, &event).await;
    }

    let last = stage.stack.mail().len() - 1;
    assert_eq!(last, 1, "one more mail, and no third");
    assert_eq!(verify(&stage, &token(&stage, last)).await, 201);
}
