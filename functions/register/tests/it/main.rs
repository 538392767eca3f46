//! Registering, tested through the API.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

mod passwords;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use local::calls::{Call, Fate, Refusal, round_trips};
use serde_json::json;
use stage::{Answer, PASSWORD, Stage};

#[tokio::test]
async fn a_registration_is_accepted_and_a_mail_follows() {
    let stage = Stage::new();

    let taken = stage.register("Ada@Example.com").await.expect(202);

    assert_eq!(taken.body["status"], "verification_sent");
    let token = taken.body["registration_token"].as_str().expect("a token");
    assert!(token.starts_with("gps_") && token.len() == 47, "256 random bits");
    stage.settle().await;
    let mail = stage.stack.mail();
    assert_eq!(mail.len(), 1);
    assert_eq!(mail[0].to, ["Ada@Example.com"], "to the address as it was written");
}

#[tokio::test]
async fn it_takes_two_round_trips_and_reads_no_account() {
    let stage = Stage::with(local::Setup::recording);
    stage.registered("ada@example.com").await;
    stage.forget_calls();

    stage.register("ada@example.com").await.expect(202);

    let calls = stage.stack.calls();
    let operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
    assert_eq!(operations, ["UpdateItem", "UpdateItem", "TransactWriteItems"], "two limits, one commit");
    assert_eq!(round_trips(&calls), 2);
}

#[tokio::test]
async fn an_address_is_registered_five_times_and_then_has_to_wait_known_or_not() {
    let stage = Stage::new();
    stage.registered("ada@example.com").await;
    let known: Vec<_> = join_all((0..20).map(|_| stage.register("ada@example.com"))).await;
    let unknown: Vec<_> = join_all((0..20).map(|_| stage.register("bob@example.com"))).await;

    let refused = |answers: Vec<Answer>| {
        let without_id = |mut answer: Answer| {
            answer.body["correlation_id"] = json!(null);
            (answer.header("retry-after").to_owned(), answer.body)
        };
        let refused = answers.into_iter().filter(|answer| answer.status == 429).map(without_id);
        refused.collect::<Vec<_>>()
    };
    let (known, unknown) = (refused(known), refused(unknown));
    assert_eq!((known.len(), unknown.len()), (16, 15), "one attempt was used before");
    assert!(known.iter().chain(&unknown).all(|answer| *answer == known[0] && answer.0 == "60"), "{known:?}");

    for seconds in [60, 120] {
        stage.pass(Duration::from_secs(seconds));
        stage.register("bob@example.com").await.expect(202);
        stage.register("bob@example.com").await.expect(429);
    }
    stage.settle().await;
    let mails = stage.stack.mail().into_iter().filter(|mail| mail.to == ["bob@example.com"]).count();
    assert_eq!(mails, 5, "the cap of mails per hour");
}

#[tokio::test]
async fn registrations_of_a_source_are_limited_and_refusals_leave_no_trace() {
    let stage = Stage::with(|setup| setup.with_parameter("MailRequestsPerIp", "3").recording());
    for number in 0..3 {
        stage.register(&format!("user{number}@example.com")).await.expect(202);
    }
    stage.forget_calls();

    for _ in 0..10 {
        assert_eq!(stage.register("ada@example.com").await.expect(429).header("retry-after"), "1");
    }

    let written = stage.stack.calls().iter().map(|made| made.call.request.to_string()).collect::<String>();
    assert!(!written.contains("$argon2id"), "nothing was hashed or stored");
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    for number in 0..5 {
        let source = format!("198.51.100.{number}");
        stage.post_from(&source, "/v1/registrations", body.clone()).await.expect(202);
    }
}

#[tokio::test]
async fn throttled_log_ins_do_not_prevent_registrations() {
    let stage = Stage::new();
    for _ in 0..10 {
        stage.log_in("ada@example.com").await.expect(401);
    }
    stage.log_in("ada@example.com").await.expect(429);

    stage.register("ada@example.com").await.expect(202);
}

#[tokio::test]
async fn the_password_is_stored_as_a_hash_only() {
    let stage = Stage::with(local::Setup::recording);

    stage.register("ada@example.com").await.expect(202);

    let written = stage.stack.calls().iter().map(|made| made.call.request.to_string()).collect::<String>();
    assert!(written.contains("$argon2id$v=19$m=19456,t=2,p=1$"));
    assert!(!written.contains(PASSWORD));
}

#[tokio::test]
async fn throttled_tables_refuse_the_registration_with_retry_after() {
    let throttled = |call: &Call| match call.service {
        "dynamodb" => Fate::Refused(Refusal::THROTTLED),
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(throttled));

    let refused = stage.register("ada@example.com").await.expect(503);

    assert_eq!(refused.problem(), "temporarily-unavailable");
    assert_eq!(refused.header("retry-after"), "2");
    stage.settle().await;
    assert!(stage.stack.mail().is_empty());
}

#[tokio::test]
async fn a_lost_response_of_the_tables_accepts_the_registration_once() {
    let first = AtomicBool::new(true);
    let lost_once = move |call: &Call| match call.operation.as_str() {
        "TransactWriteItems" if first.swap(false, SeqCst) => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(lost_once));

    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn when_all_responses_of_the_tables_are_lost_the_event_is_read_back() {
    let lost = |call: &Call| match call.operation.as_str() {
        "TransactWriteItems" => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(lost));

    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn without_the_pepper_nothing_is_hashed_and_the_next_request_retries() {
    let down = Arc::new(AtomicBool::new(true));
    let outage = Arc::clone(&down);
    let watcher = move |call: &Call| match call.service {
        "secretsmanager" if outage.load(SeqCst) => Fate::Refused(Refusal::INTERNAL),
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(watcher));

    let refused = stage.register("ada@example.com").await.expect(503);
    assert_eq!(refused.problem(), "temporarily-unavailable");

    down.store(false, SeqCst);
    stage.register("ada@example.com").await.expect(202);
}

#[tokio::test]
async fn a_panic_fails_one_request_only() {
    let first = AtomicBool::new(true);
    let panics_once = move |call: &Call| {
        let is_first = call.operation == "TransactWriteItems" && first.swap(false, SeqCst);
        assert!(!is_first, "the first request panics");
        Fate::Proceed
    };
    let stage = Stage::with(|setup| setup.watched_by(panics_once));

    let refused = stage.register("ada@example.com").await.expect(500);

    assert_eq!(refused.problem(), "internal-error");
    assert!(!refused.body.to_string().contains("panic"));
    stage.register("ada@example.com").await.expect(202);
}

#[tokio::test]
async fn a_registration_without_a_password_computes_no_hash() {
    let stage = Stage::with(local::Setup::recording);

    let taken = stage.post("/v1/registrations", json!({"email": "ada@example.com"})).await.expect(202);

    assert!(taken.body["registration_token"].is_string());
    let written = stage.stack.calls().iter().map(|made| made.call.request.to_string()).collect::<String>();
    assert!(!written.contains("$argon2id"));
    let link = stage.link("ada@example.com").await;
    stage.verify_registered(&link, &taken).await.expect(422);
    stage.verify(&link).await.expect(201);
}

#[tokio::test]
async fn each_registration_has_its_own_token_and_a_retry_gets_the_same() {
    let stage = Stage::new();
    let key = "0f6d1f4e-3c52-4a39-9f0c-8f3d1a5b7c2d";
    let body = json!({"email": "ada@example.com", "password": PASSWORD});
    let request = local::Request::post("/v1/registrations", &body);

    let other = stage.send(request.clone()).await.expect(202);
    stage.settle().await;
    let first = stage.send(request.clone().header("idempotency-key", key)).await.expect(202);
    let again = stage.send(request.header("idempotency-key", key)).await.expect(202);

    assert_eq!(first.body, again.body);
    assert_ne!(first.body["registration_token"], other.body["registration_token"]);
    let link = stage.link("ada@example.com").await;
    stage.verify_registered(&link, &again).await.expect(201);
}

#[tokio::test]
async fn the_response_has_the_same_shape_with_and_without_an_account() {
    let stage = Stage::with(local::Setup::recording);
    stage.registered("user@example.com").await;
    let mut seen = Vec::new();
    for email in ["user@example.com", "stranger@example.com"] {
        stage.forget_calls();
        let answer = stage.register(email).await.expect(202);
        let calls = stage.stack.calls();
        let operations: Vec<_> = calls.iter().map(|made| made.call.operation.clone()).collect();
        let fields: Vec<_> = answer.body.as_object().expect("an object").keys().cloned().collect();
        let length = answer.body.to_string().len();
        seen.push((operations, fields, length, round_trips(&calls)));
    }

    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_lost_call_accepts_the_registration_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    for fate in fates {
        for lost in 0..5 {
            let (outage, watcher) = stage::faults::Outage::after(lost, "register", fate);
            let stage = Stage::with(|setup| setup.watched_by(watcher));
            outage.begin();
            let answer = stage.register("ada@example.com").await;
            outage.end();

            assert!([202, 503].contains(&answer.status), "{lost}: {}", answer.body);
            stage.settle().await;
            let mails = stage.stack.mail().len();
            assert!(mails == 1 || answer.status == 503 && mails == 0, "{lost}: {mails}");
            let again = stage.register("ada@example.com").await.expect(202);
            let link = stage.link("ada@example.com").await;
            stage.verify_registered(&link, &again).await.expect(201);
        }
    }
}

#[tokio::test]
async fn concurrent_registrations_have_tokens_that_adopt_only_their_own_data() {
    let stage = Stage::with(stage::slowly);
    let taken: Vec<_> = join_all((0..50).map(|_| stage.register("ada@example.com"))).await;
    let tokens: std::collections::BTreeSet<_> = taken
        .iter()
        .filter_map(|answer| answer.body["registration_token"].as_str())
        .map(str::to_owned)
        .collect();
    assert_eq!((tokens.len(), taken.iter().filter(|answer| answer.status == 429).count()), (5, 45));

    let link = stage.link("ada@example.com").await;
    let mut statuses = Vec::new();
    for registered in taken.iter().filter(|answer| answer.status == 202) {
        statuses.push(stage.verify_registered(&link, registered).await.status);
    }

    statuses.sort_unstable();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [201, 400, 422].contains(status)), "{statuses:?}");
}
