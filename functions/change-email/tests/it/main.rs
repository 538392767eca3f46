//! Requesting a change of address, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use local::calls::{Fate, round_trips};
use serde_json::json;
use stage::{Answer, PASSWORD, Stage, Tokens, faults::Outage};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "lovelace@example.org";

async fn ask(stage: &Stage, access_token: &str, email: &str, password: &str) -> Answer {
    let body = json!({"new_email": email, "password": password});
    stage.send(local::Request::post("/v1/me/email", &body).bearer(access_token)).await
}

#[tokio::test]
async fn the_current_address_stays_until_the_new_one_is_proven() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let taken = ask(&stage, &tokens.access, NEW, PASSWORD).await.expect(202);

    assert_eq!(taken.body, json!({"status": "verification_sent"}));
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    assert_eq!(me["email"], EMAIL);
    stage.refresh(&tokens.refresh).await.expect(200);
    stage.log_in(EMAIL).await.expect(201);
    stage.log_in(NEW).await.expect(401);
    let events = stage.events_of(&format!("user#{}", me["id"].as_str().expect("an id"))).await;
    assert_eq!(events[2], "user.email-change-requested");
}

#[tokio::test]
async fn the_work_is_the_same_whether_the_address_is_taken_or_not() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    stage.registered("bob@example.com").await;
    ask(&stage, &tokens.access, "warm@example.com", PASSWORD).await.expect(202);

    let mut answers = Vec::new();
    for email in ["bob@example.com", "nobody@example.com"] {
        stage.settle().await;
        stage.forget_calls();
        let answer = ask(&stage, &tokens.access, email, PASSWORD).await;
        let calls = stage.stack.calls();
        let mut operations: Vec<_> = calls.iter().map(|made| made.call.operation.clone()).collect();
        operations.sort_unstable();
        answers.push((answer.status, answer.body, operations, round_trips(&calls)));
    }

    assert_eq!((answers[0].0, answers[0].3), (202, 4), "user and attempt, credential, limits, commit");
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn the_event_does_not_contain_the_address() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    ask(&stage, &tokens.access, NEW, PASSWORD).await.expect(202);

    stage.settle().await;

    let events = stage.stack.events().into_iter().map(|event| event.detail.to_string()).collect::<String>();
    assert!(events.contains("user.email-change-requested") && !events.contains("lovelace"));
}

#[tokio::test]
async fn a_wrong_password_requests_nothing_and_is_counted() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    for _ in 0..10 {
        let refused = ask(&stage, &tokens.access, NEW, "not the password at all").await.expect(403);
        assert_eq!(refused.problem(), "reauthentication-required");
    }

    ask(&stage, &tokens.access, NEW, PASSWORD).await.expect(429);
    stage.pass(Duration::from_secs(1));
    ask(&stage, &tokens.access, NEW, PASSWORD).await.expect(202);
}

#[tokio::test]
async fn the_current_or_a_malformed_address_is_refused() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    for (email, code) in [("nobody", "invalid-email"), ("ADA@Example.com", "validation-failed")] {
        let refused = ask(&stage, &tokens.access, email, PASSWORD).await.expect(422);
        let error = &refused.body["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/new_email"), &json!(code)));
    }
    ask(&stage, "none", NEW, PASSWORD).await.expect(401);
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn a_lost_call_requests_the_change_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    let cases = fates.into_iter().flat_map(|fate| (0..14).map(move |lost| lose(lost, fate)));
    let asked = join_all(cases).await;
    assert!(asked.contains(&(503, 1)), "the change was requested without a response: {asked:?}");
}

/// Returns the status of the response, and how often the change was requested.
async fn lose(lost: usize, fate: fn() -> Fate) -> (u16, usize) {
    let (outage, watcher) = Outage::after(lost, "change-email", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens: Tokens = stage.signed_in(EMAIL).await;
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;

    outage.begin();
    let answer = ask(&stage, &tokens.access, NEW, PASSWORD).await;
    outage.end();

    assert!([202, 503].contains(&answer.status), "{lost}: {}", answer.body);
    let events = stage.events_of(&format!("user#{}", me["id"].as_str().expect("an id"))).await;
    let asked = events.iter().filter(|kind| *kind == "user.email-change-requested").count();
    assert!(asked == 1 || answer.status == 503 && asked == 0, "{lost}: {events:?}");
    (answer.status, asked)
}

#[tokio::test]
async fn a_user_requests_five_addresses_and_then_has_to_wait() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let other = stage.signed_in("bob@example.com").await;

    for number in 0..5 {
        ask(&stage, &tokens.access, &format!("new{number}@example.org"), PASSWORD).await.expect(202);
    }
    for number in 5..15 {
        let refused = ask(&stage, &tokens.access, &format!("new{number}@example.org"), PASSWORD).await;
        let refused = refused.expect(429);
        assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "60"));
    }

    ask(&stage, &other.access, NEW, PASSWORD).await.expect(202);
    stage.settle().await;
    let strangers = stage.stack.mail().into_iter().filter(|mail| mail.to[0].ends_with("@example.org"));
    assert_eq!(strangers.count(), 6, "five of one user, one of the other");
}

#[tokio::test]
async fn an_address_is_requested_five_times_by_all_users_together() {
    let stage = Stage::new();
    for number in 0..5 {
        let user = stage.signed_in(&format!("user{number}@example.com")).await;
        ask(&stage, &user.access, NEW, PASSWORD).await.expect(202);
    }
    let user = stage.signed_in(EMAIL).await;

    ask(&stage, &user.access, NEW, PASSWORD).await.expect(429);
    ask(&stage, &user.access, "other@example.org", PASSWORD).await.expect(202);
}

#[tokio::test]
async fn requests_of_a_source_are_limited() {
    let stage = Stage::with(|setup| setup.with_parameter("MailRequestsPerIp", "3"));
    let mut users = Vec::new();
    for number in 0..4 {
        users.push(stage.signed_in(&format!("user{number}@example.com")).await);
        stage.pass(Duration::from_mins(1));
    }

    for (number, user) in users.iter().enumerate() {
        let asked = ask(&stage, &user.access, &format!("new{number}@example.org"), PASSWORD).await;
        assert_eq!(asked.status, if number < 3 { 202 } else { 429 }, "{number}");
    }
}

#[tokio::test]
async fn wrong_passwords_do_not_count_as_mails() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    for _ in 0..8 {
        ask(&stage, &tokens.access, NEW, "not the password at all").await.expect(403);
    }

    for _ in 0..5 {
        ask(&stage, &tokens.access, NEW, PASSWORD).await.expect(202);
    }
}

#[tokio::test]
async fn the_mail_to_the_new_address_does_not_contain_the_name() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let named = local::Request::new("PATCH", "/v1/me").json(&json!({"first_name": "Ada"}));
    stage.send(named.bearer(&tokens.access)).await.expect(200);

    ask(&stage, &tokens.access, NEW, PASSWORD).await.expect(202);

    stage.settle().await;
    let mails = stage.stack.mail();
    let to = |email: &str| mails.iter().rev().find(|mail| mail.to == [email]).expect("a mail");
    assert!(to(NEW).text.starts_with("Hello,") && !to(NEW).text.contains("Ada"));
    assert!(to(EMAIL).text.starts_with("Hello Ada,"), "its owner is known");
}
