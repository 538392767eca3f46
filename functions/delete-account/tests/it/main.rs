//! Deleting an account, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{
    Request,
    calls::{Call, Fate, round_trips},
};
use serde_json::json;
use stage::{Answer, PASSWORD, Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const DAY: Duration = Duration::from_hours(24);

async fn delete(stage: &Stage, access: &str, password: &str) -> Answer {
    stage.send(Request::delete("/v1/me").json(&json!({"password": password})).bearer(access)).await
}

async fn user(stage: &Stage) -> (String, Tokens) {
    let id = stage.registered(EMAIL).await["id"].as_str().expect("an id").to_owned();
    (format!("user#{id}"), log_in(stage).await)
}

async fn log_in(stage: &Stage) -> Tokens {
    Tokens::of(&stage.log_in(EMAIL).await.expect(201).body)
}

#[tokio::test]
async fn every_session_ends_and_the_event_has_the_time_of_erasure() {
    let stage = Stage::new();
    let (subject, here) = user(&stage).await;
    let there = log_in(&stage).await;

    delete(&stage, &here.access, PASSWORD).await.expect(204);

    for ended in [&here, &there] {
        assert_eq!(stage.refresh(&ended.refresh).await.expect(401).problem(), "invalid-token");
        assert_eq!(stage.get("/v1/me", &ended.access).await.expect(401).problem(), "invalid-token");
    }
    delete(&stage, &there.access, PASSWORD).await.expect(401);
    assert_eq!(stage.events_of(&subject).await[3..], ["user.deletion-requested"]);
    let said = stage.stack.events().pop().expect("an event").detail["data"].clone();
    assert_eq!(said, json!({"erase_at": "2026-11-28T03:00:00Z"}));
}

#[tokio::test]
async fn the_current_password_is_required() {
    let stage = Stage::new();
    let (subject, tokens) = user(&stage).await;

    let refused = delete(&stage, &tokens.access, "not the password at all").await.expect(403);
    assert_eq!(refused.problem(), "reauthentication-required");
    stage.send(Request::delete("/v1/me").bearer(&tokens.access)).await.expect(422);
    stage.send(Request::delete("/v1/me").json(&json!({"password": PASSWORD}))).await.expect(401);

    stage.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(stage.events_of(&subject).await.len(), 2, "nothing has happened");
}

#[tokio::test]
async fn guesses_of_the_password_are_limited() {
    let stage = Stage::new();
    let (_, tokens) = user(&stage).await;
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(delete(&stage, &tokens.access, "not the password at all").await.status);
    }

    assert!(statuses.contains(&429), "{statuses:?}");
    delete(&stage, &tokens.access, PASSWORD).await.expect(429);
}

#[tokio::test]
async fn logging_in_before_the_erasure_cancels_the_deletion() {
    let stage = Stage::new();
    let (subject, tokens) = user(&stage).await;
    delete(&stage, &tokens.access, PASSWORD).await.expect(204);
    stage.pass((7 * DAY).saturating_sub(Duration::from_millis(1)));
    stage.post("/v1/sessions", json!({"email": EMAIL, "password": "not the password"})).await.expect(401);

    let back = log_in(&stage).await;

    assert_eq!(stage.get("/v1/me", &back.access).await.expect(200).body["status"], "active");
    stage.refresh(&tokens.refresh).await.expect(401);
    let types = stage.events_of(&subject).await;
    assert_eq!(types[2..], ["user.deletion-requested", "user.deletion-canceled", "session.started"]);

    stage.pass(30 * DAY);
    stage.stack.run_schedule("erase-users").await.expect("nobody is to be erased");
    log_in(&stage).await;
}

#[tokio::test]
async fn logging_in_after_the_grace_period_is_refused() {
    let stage = Stage::new();
    let (_, tokens) = user(&stage).await;
    delete(&stage, &tokens.access, PASSWORD).await.expect(204);
    stage.pass(7 * DAY);

    assert_eq!(stage.log_in(EMAIL).await.expect(401).problem(), "invalid-credentials");
}

#[tokio::test]
async fn without_a_grace_period_the_deletion_is_final() {
    let stage = Stage::with(|setup| setup.with_parameter("DeletionGraceDays", "0"));
    let (_, tokens) = user(&stage).await;
    delete(&stage, &tokens.access, PASSWORD).await.expect(204);

    stage.log_in(EMAIL).await.expect(401);
}

#[tokio::test]
async fn concurrent_requests_happen_before_or_after_the_deletion() {
    let stage = Stage::with(stage::slowly);
    let (subject, tokens) = user(&stage).await;
    let patch = Request::new("PATCH", "/v1/me").json(&json!({"first_name": "Ada"})).bearer(&tokens.access);

    let (deleted, logged_in, refreshed, patched) = tokio::join!(
        delete(&stage, &tokens.access, PASSWORD),
        stage.log_in(EMAIL),
        stage.refresh(&tokens.refresh),
        stage.send(patch)
    );

    deleted.expect(204);
    let logged_in = Tokens::of(&logged_in.expect(201).body);
    let types = stage.events_of(&subject).await;
    let has_come_back = types.iter().any(|kind| kind == "user.deletion-canceled");
    stage.refresh(&logged_in.refresh).await.expect(if has_come_back { 200 } else { 401 });
    let before = if refreshed.status == 200 { Tokens::of(&refreshed.body) } else { tokens };
    stage.refresh(&before.refresh).await.expect(401);
    assert_eq!(types.contains(&"user.updated".to_owned()), patched.status == 200, "{types:?}");
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (fate, status, events) in [("answer", 204, 3), ("request", 503, 2)] {
        let lost = move |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
            ("delete-account", "TransactWriteItems") if fate == "answer" => Fate::AnswerLost,
            ("delete-account", "TransactWriteItems") => Fate::RequestLost,
            _ => Fate::Proceed,
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));
        let (subject, tokens) = user(&stage).await;

        delete(&stage, &tokens.access, PASSWORD).await.expect(status);

        assert_eq!(stage.events_of(&subject).await.len(), events, "{fate} lost");
        stage.refresh(&tokens.refresh).await.expect(if status == 204 { 401 } else { 200 });
    }
}

#[tokio::test]
async fn a_cancellation_with_a_lost_commit_happens_at_most_once() {
    for (fate, status) in [("answer", 201), ("request", 503)] {
        let lost = move |call: &Call| {
            let is_it =
                call.function == "log-in" && call.request.to_string().contains("user.deletion-canceled");
            match fate {
                _ if !is_it => Fate::Proceed,
                "answer" => Fate::AnswerLost,
                _ => Fate::RequestLost,
            }
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));
        let (subject, tokens) = user(&stage).await;
        delete(&stage, &tokens.access, PASSWORD).await.expect(204);

        stage.log_in(EMAIL).await.expect(status);

        let types = stage.events_of(&subject).await;
        let canceled = types.iter().filter(|kind| *kind == "user.deletion-canceled").count();
        assert_eq!(canceled, usize::from(status == 201), "{fate} lost: {types:?}");
    }
}

#[tokio::test]
async fn it_takes_three_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let (_, tokens) = user(&stage).await;
    delete(&stage, &tokens.access, "not the password at all").await.expect(403);
    stage.settle().await;
    stage.forget_calls();

    delete(&stage, &tokens.access, PASSWORD).await.expect(204);

    assert_eq!(round_trips(&stage.stack.calls()), 3);
}
