//! Requesting the verification mail again, tested through the API.

use std::time::Duration;

use local::calls::round_trips;
use serde_json::json;
use stage::{Answer, Stage};

async fn resend(stage: &Stage, email: &str) -> Answer {
    stage.post("/v1/registrations/resend", json!({"email": email})).await
}

#[tokio::test]
async fn an_applicant_gets_another_mail_with_a_newer_link() {
    let stage = Stage::new();
    stage.register("ada@example.com").await.expect(202);
    let first = stage.link("ada@example.com").await;

    resend(&stage, "ADA@example.com").await.expect(202);

    let second = stage.link("ada@example.com").await;
    assert_ne!(first, second);
    assert_eq!(stage.stack.mail().len(), 2);
}

#[tokio::test]
async fn other_addresses_get_no_mail() {
    let stage = Stage::new();
    stage.registered("ada@example.com").await;
    let before = stage.stack.mail().len();

    resend(&stage, "ada@example.com").await.expect(202);
    resend(&stage, "bob@example.com").await.expect(202);

    stage.settle().await;
    assert_eq!(stage.stack.mail().len(), before, "neither users nor unknown addresses");
}

#[tokio::test]
async fn the_work_is_the_same_for_every_address() {
    let stage = Stage::with(local::Setup::recording);
    stage.register("waits@example.com").await.expect(202);
    stage.registered("user@example.com").await;

    for email in ["waits@example.com", "user@example.com", "stranger@example.com"] {
        stage.forget_calls();
        let answer = resend(&stage, email).await.expect(202);
        assert_eq!(answer.body, json!({"status": "verification_sent"}));
        let calls = stage.stack.calls();
        let operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
        assert_eq!(operations, ["UpdateItem", "UpdateItem", "TransactWriteItems"], "{email}");
        assert_eq!(round_trips(&calls), 2);
    }
}

#[tokio::test]
async fn requests_for_an_address_are_limited_registered_or_not() {
    let stage = Stage::new();
    stage.register("waits@example.com").await.expect(202);
    stage.registered("user@example.com").await;

    for email in ["waits@example.com", "user@example.com", "stranger@example.com"] {
        for _ in 0..5 {
            resend(&stage, email).await.expect(202);
        }
        for _ in 0..10 {
            let refused = resend(&stage, email).await.expect(429);
            assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "60"), "{email}");
        }
    }

    stage.pass(Duration::from_mins(1));
    resend(&stage, "stranger@example.com").await.expect(202);
    resend(&stage, "stranger@example.com").await.expect(429);
}

#[tokio::test]
async fn the_requests_of_a_source_are_limited() {
    let stage = Stage::with(|setup| setup.with_parameter("MailRequestsPerIp", "3"));
    for number in 0..3 {
        resend(&stage, &format!("user{number}@example.com")).await.expect(202);
    }

    resend(&stage, "ada@example.com").await.expect(429);

    let body = json!({"email": "ada@example.com"});
    stage.post_from("198.51.100.1", "/v1/registrations/resend", body).await.expect(202);
}

#[tokio::test]
async fn an_invalid_address_is_refused() {
    let refused = resend(&Stage::new(), "nobody").await.expect(422);

    assert_eq!(refused.body["errors"][0]["code"], "invalid-email");
}
