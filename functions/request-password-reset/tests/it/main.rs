//! Requesting a password reset, tested through the API.

use local::calls::{Call, Fate, round_trips};
use serde_json::json;
use stage::{Answer, Stage};

async fn ask(stage: &Stage, email: &str) -> Answer {
    stage.post("/v1/password-resets", json!({"email": email})).await
}

#[tokio::test]
async fn the_work_is_the_same_for_every_address() {
    let stage = Stage::with(local::Setup::recording);
    stage.register("waits@example.com").await.expect(202);
    stage.registered("user@example.com").await;

    for email in ["waits@example.com", "user@example.com", "stranger@example.com"] {
        stage.settle().await;
        stage.forget_calls();
        let answer = ask(&stage, email).await.expect(202);
        assert_eq!(answer.body, json!({"status": "reset_sent"}));
        let calls = stage.stack.calls();
        let mut operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
        operations.sort_unstable();
        assert_eq!(operations, ["TransactWriteItems", "UpdateItem", "UpdateItem"], "{email}");
        assert_eq!(round_trips(&calls), 2);
    }
}

#[tokio::test]
async fn requests_for_an_address_are_limited_known_or_not() {
    let stage = Stage::new();
    stage.registered("user@example.com").await;

    for email in ["user@example.com", "stranger@example.com"] {
        for _ in 0..5 {
            ask(&stage, email).await.expect(202);
        }
        let refused = ask(&stage, &email.to_uppercase()).await.expect(429);
        assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "60"));
    }
}

#[tokio::test]
async fn throttled_log_ins_do_not_prevent_it() {
    let stage = Stage::new();
    stage.registered("user@example.com").await;
    while stage.log_in_with("user@example.com", "not the password at all").await.status == 401 {}

    ask(&stage, "user@example.com").await.expect(202);
}

#[tokio::test]
async fn an_invalid_address_is_refused() {
    let refused = ask(&Stage::new(), "nobody").await.expect(422);

    let error = &refused.body["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/email"), &json!("invalid-email")));
}

#[tokio::test]
async fn the_event_reveals_neither_the_user_nor_their_existence() {
    let stage = Stage::new();
    ask(&stage, "stranger@example.com").await.expect(202);

    stage.settle().await;

    let events = stage.stack.events();
    let event =
        events.iter().find(|event| event.detail_type == "password-reset.requested").expect("an event");
    assert_eq!(event.detail["data"], json!({}));
    assert!(!event.detail.to_string().contains("stranger"));
}

#[tokio::test]
async fn when_all_responses_of_the_tables_are_lost_the_event_is_read_back() {
    let lost = |call: &Call| match call.operation.as_str() {
        "TransactWriteItems" => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(lost));

    ask(&stage, "user@example.com").await.expect(202);

    stage.settle().await;
    let asked =
        stage.stack.events().into_iter().filter(|event| event.detail_type == "password-reset.requested");
    assert_eq!(asked.count(), 1);
}
