//! Logging in, tested through the API.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

mod claims;
mod equal;
mod limits;
mod line;
mod sessions;

use local::calls::{Call, Fate, Made, round_trips};
use serde_json::{Value, json};
use stage::{Answer, Stage};

const EMAIL: &str = "ada@example.com";

async fn guess(stage: &Stage, email: &str) -> Answer {
    stage.post("/v1/sessions", json!({"email": email, "password": "not the password at all"})).await
}

fn of_log_in(calls: Vec<Made>) -> Vec<Made> {
    calls.into_iter().filter(|made| made.call.function == "log-in").collect()
}

#[tokio::test]
async fn a_user_logs_in() {
    let stage = Stage::new();
    let user = stage.registered(EMAIL).await;

    let granted = stage.log_in("ADA@example.com").await.expect(201);

    assert_eq!(granted.body["token_type"], "Bearer");
    assert_eq!(
        (&granted.body["expires_in"], &granted.body["refresh_expires_in"]),
        (&json!(600), &json!(604_800))
    );
    let subject = format!("user#{}", user["id"].as_str().expect("an id"));
    assert_eq!(stage.events_of(&subject).await, ["user.registered", "session.started"]);
}

#[tokio::test]
async fn white_space_around_an_address_is_ignored() {
    let stage = Stage::new();
    let registered = json!({"email": " Ada@Example.com\n", "password": stage::PASSWORD});
    let taken = stage.post("/v1/registrations", registered).await.expect(202).body;
    let token = stage.link("Ada@Example.com").await;
    let proof = json!({"token": token, "registration_token": taken["registration_token"]});
    let user = stage.post("/v1/registrations/verify", proof).await.expect(201);
    assert_eq!(user.body["email"], "Ada@Example.com");

    stage.log_in("\tada@example.com ").await.expect(201);
}

#[tokio::test]
async fn it_takes_two_round_trips_and_one_after_the_hash() {
    let stage = Stage::with(local::Setup::recording);
    stage.signed_in(EMAIL).await;
    stage.settle().await;
    stage.forget_calls();

    stage.log_in(EMAIL).await.expect(201);

    let calls = of_log_in(stage.stack.calls());
    assert_eq!(round_trips(&calls), 3);
    let of = |operation: &str| calls.iter().filter(|made| made.call.operation == operation).count();
    assert_eq!((of("GetItem"), of("Query"), of("TransactWriteItems")), (1, 1, 1));
    assert_eq!((of("UpdateItem"), of("DeleteItem")), (3, 1), "two attempts reserved, both refunded");
}

#[tokio::test]
async fn all_invalid_credentials_get_the_same_response() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let without_id = |mut answer: Answer| {
        answer.body["correlation_id"] = Value::Null;
        (answer.status, answer.header("www-authenticate").to_owned(), answer.body)
    };

    let wrong_password = without_id(guess(&stage, EMAIL).await);
    let unknown = without_id(guess(&stage, "bob@example.com").await);
    stage.register("carol@example.com").await.expect(202);
    let unproven = without_id(stage.log_in("carol@example.com").await);

    assert_eq!((wrong_password.0, wrong_password.1.as_str()), (401, "Bearer"));
    assert_eq!(wrong_password, unknown);
    assert_eq!(wrong_password, unproven);
}

#[tokio::test]
async fn the_signing_key_is_published_before_it_signs() {
    let refuse_keys = |call: &Call| match call.touches.first() {
        Some(touch) if touch.partition_key.as_deref() == Some("KEYS") => Fate::RequestLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(refuse_keys));
    stage.registered(EMAIL).await;

    assert_eq!(stage.log_in(EMAIL).await.expect(503).problem(), "temporarily-unavailable");
}

#[tokio::test]
async fn a_hash_with_outdated_parameters_is_replaced_once() {
    let folder = std::env::temp_dir().join(format!("gatepost-rehash-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let setup = local::Stack::folder(&folder);
    Stage::of(setup.clone()).registered(EMAIL).await;
    let stage = Stage::of(setup.with_parameter("Argon2Iterations", "3").recording());

    let mut rehashed = Vec::new();
    for _ in 0..2 {
        stage.log_in(EMAIL).await.expect(201);
        let calls = of_log_in(stage.stack.calls());
        rehashed.push(calls.iter().any(|made| made.call.request.to_string().contains("m=19456,t=3,p=1")));
    }

    assert_eq!(rehashed, [true, false]);
    drop(stage);
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}
