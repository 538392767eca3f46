//! Verifying a registration, tested through the API.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

mod orders;
mod races;

use std::{
    sync::atomic::{AtomicU32, Ordering::SeqCst},
    time::Duration,
};

use local::calls::{Call, Fate, Refusal, round_trips};
use serde_json::{Value, json};
use stage::{Answer, PASSWORD, Stage};

const EMAIL: &str = "ada@example.com";
const OTHER: &str = "another horse, another battery";

async fn register(stage: &Stage, password: Option<&str>) -> Answer {
    let mut body = json!({"email": EMAIL, "first_name": "Ada", "last_name": "Lovelace", "locale": "en"});
    if let Some(password) = password {
        body["password"] = password.into();
    }
    stage.post("/v1/registrations", body).await.expect(202)
}

fn token(registered: &Answer) -> &str {
    registered.body["registration_token"].as_str().expect("a token")
}

async fn verify(stage: &Stage, body: Value) -> Answer {
    stage.post("/v1/registrations/verify", body).await
}

/// Returns pointer and code of the only invalid field.
fn wrong(refused: &Answer) -> (&str, &str) {
    let errors = refused.body["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{}", refused.body);
    (errors[0]["pointer"].as_str().expect("a pointer"), errors[0]["code"].as_str().expect("a code"))
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
async fn the_registration_token_adopts_password_and_names() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;

    let user = stage.verify_registered(&link, &registered).await.expect(201).body;

    let names = ["first_name", "last_name", "locale"].map(|name| user[name].clone());
    assert_eq!(names, [json!("Ada"), json!("Lovelace"), json!("en")]);
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn without_the_token_the_reader_chooses_the_password_and_nothing_else_is_kept() {
    let stage = Stage::new();
    register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;

    let user = verify(&stage, json!({"token": link, "password": OTHER})).await.expect(201).body;

    let names = ["first_name", "last_name", "locale"].map(|name| user[name].clone());
    assert_eq!(names, [Value::Null, Value::Null, Value::Null]);
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in_with(EMAIL, OTHER).await.expect(201);
}

#[tokio::test]
async fn an_entered_password_replaces_the_adopted_one() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;

    let body = json!({"token": link, "registration_token": token(&registered), "password": OTHER});
    let user = verify(&stage, body).await.expect(201).body;

    assert_eq!(user["first_name"], "Ada");
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in_with(EMAIL, OTHER).await.expect(201);
}

#[tokio::test]
async fn a_registration_without_a_password_asks_for_one_and_keeps_the_names() {
    let stage = Stage::new();
    let registered = register(&stage, None).await;
    let link = stage.link(EMAIL).await;

    let refused = stage.verify_registered(&link, &registered).await.expect(422);
    assert_eq!(wrong(&refused), ("/password", "password-required"));

    let body = json!({"token": link, "registration_token": token(&registered), "password": PASSWORD});
    assert_eq!(verify(&stage, body).await.expect(201).body["first_name"], "Ada");
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn a_foreign_or_invalid_token_asks_for_the_password_and_keeps_the_link() {
    let stage = Stage::new();
    let foreign = stage.register("bob@example.com").await.expect(202);
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;
    let altered = token(&registered).replace("gps_", "gps_A");

    for wrong_token in [token(&foreign), &altered, &link, "gps_", "", "☃"] {
        let body = json!({"token": link, "registration_token": wrong_token});
        let refused = verify(&stage, body).await.expect(422);
        assert_eq!(wrong(&refused), ("/password", "password-required"), "{wrong_token}");
    }
    let refused = verify(&stage, json!({"token": link})).await.expect(422);
    assert_eq!(wrong(&refused), ("/password", "password-required"));

    let body = json!({"token": link, "registration_token": token(&foreign), "password": OTHER});
    let user = verify(&stage, body).await.expect(201).body;
    assert_eq!(user["first_name"], Value::Null, "a foreign token is ignored");
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in_with(EMAIL, OTHER).await.expect(201);
}

#[tokio::test]
async fn a_refused_password_does_not_use_up_the_link() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;

    for (password, code) in [("short", "password-too-short"), ("ada@example.com 1", "password-blocklisted")] {
        let refused = verify(&stage, json!({"token": link, "password": password})).await.expect(422);
        assert_eq!(wrong(&refused), ("/password", code));
    }
    let named = json!({"email": "w@example.com", "first_name": "Wilhelmina", "last_name": "Featherstone"});
    let named = stage.post("/v1/registrations", named).await.expect(202);
    let body = json!({
        "token": stage.link("w@example.com").await, "registration_token": token(&named),
        "password": "Wilhelmina-Featherstone7",
    });
    assert_eq!(wrong(&verify(&stage, body).await.expect(422)), ("/password", "password-blocklisted"));

    stage.verify_registered(&link, &registered).await.expect(201);
}

#[tokio::test]
async fn ten_passwords_can_be_entered_for_a_link_and_then_waits_double() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;
    for _ in 0..10 {
        verify(&stage, json!({"token": link, "password": EMAIL})).await.expect(422);
    }

    let refused = verify(&stage, json!({"token": link, "password": OTHER})).await.expect(429);

    assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "1"));
    stage.verify_registered(&link, &registered).await.expect(201);
}

#[tokio::test]
async fn passwords_of_a_source_are_limited_before_they_are_hashed() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "3").recording());
    register(&stage, None).await;
    let link = stage.link(EMAIL).await;
    for _ in 0..3 {
        verify(&stage, json!({"token": link, "password": EMAIL})).await.expect(422);
    }
    stage.forget_calls();

    verify(&stage, json!({"token": link, "password": OTHER})).await.expect(429);

    let written = stage.stack.calls().iter().map(|made| made.call.request.to_string()).collect::<String>();
    assert!(!written.contains("$argon2id"));
    let body = json!({"token": link, "password": OTHER});
    stage.post_from("198.51.100.1", "/v1/registrations/verify", body).await.expect(201);
}

#[tokio::test]
async fn it_takes_two_round_trips_with_either_proof() {
    let stage = Stage::with(local::Setup::recording);
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;
    stage.forget_calls();

    stage.verify_registered(&link, &registered).await.expect(201);

    let calls = stage.stack.calls();
    let calls: Vec<_> = calls.iter().filter(|made| made.call.function == "verify-registration").collect();
    let operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
    assert_eq!(operations, ["GetItem", "TransactWriteItems"]);

    stage.register("bob@example.com").await.expect(202);
    let link = stage.link("bob@example.com").await;
    stage.forget_calls();
    stage.verify(&link).await.expect(201);
    let calls = stage.stack.calls();
    let calls = calls.iter().filter(|made| made.call.function == "verify-registration");
    // The pepper was read when the function started.
    assert_eq!(round_trips(calls.filter(|made| made.call.service == "dynamodb")), 2);
}

#[tokio::test]
async fn a_link_expires_by_comparison() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;

    stage.pass(Duration::from_hours(24));

    assert_eq!(stage.verify(&link).await.expect(400).problem(), "link-invalid");
    assert_eq!(stage.verify_registered(&link, &registered).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn a_link_is_valid_until_the_last_moment() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let link = stage.link(EMAIL).await;

    stage.pass(Duration::from_hours(24) - Duration::from_millis(1));

    stage.verify_registered(&link, &registered).await.expect(201);
}

#[tokio::test]
async fn a_proven_address_cannot_be_claimed_again() {
    let stage = Stage::new();
    let registered = register(&stage, Some(PASSWORD)).await;
    let rival = stage.link(EMAIL).await;
    stage.registered("ADA@EXAMPLE.COM").await;

    assert_eq!(stage.verify(&rival).await.expect(400).problem(), "link-invalid");
    assert_eq!(stage.verify_registered(&rival, &registered).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn link_and_registration_token_are_stored_as_hashes_only() {
    let stage = Stage::with(local::Setup::recording);
    let registered = register(&stage, Some(PASSWORD)).await;

    let link = stage.link(EMAIL).await;

    let calls = stage.stack.calls();
    let beside_the_mail = calls.iter().filter(|made| made.call.service != "ses");
    let written = beside_the_mail.map(|made| made.call.request.to_string()).collect::<String>();
    assert!(!written.contains(&link));
    let mailed = stage.stack.mail().into_iter().map(|mail| mail.text).collect::<String>();
    assert!(!written.contains(token(&registered)) && !mailed.contains("gps_"));
    assert!(!stage.stack.events().iter().any(|event| event.detail.to_string().contains("gps_")));
}

#[tokio::test]
async fn a_conflict_with_another_transaction_is_retried() {
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
