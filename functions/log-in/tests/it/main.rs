//! Logging in, seen from outside.

use std::time::Duration;

use futures_util::future::join_all;
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
async fn it_is_two_round_trips_and_one_behind_the_hash() {
    let stage = Stage::with(local::Setup::recording);
    stage.signed_in(EMAIL).await;
    stage.settle().await;
    stage.forget_calls();

    stage.log_in(EMAIL).await.expect(201);

    let calls = of_log_in(stage.stack.calls());
    assert_eq!(round_trips(&calls), 3);
    let last = calls.last().expect("calls");
    assert_eq!(last.call.operation, "TransactWriteItems");
}

#[tokio::test]
async fn whatever_is_wrong_is_one_answer() {
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
async fn attempts_are_counted_per_address_known_or_not_and_expire() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;

    for email in [EMAIL, "unknown@example.com"] {
        for _ in 0..10 {
            guess(&stage, email).await.expect(401);
        }
        let refused = guess(&stage, email).await.expect(429);
        assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "300"));
    }
    stage.log_in(EMAIL).await.expect(429);

    stage.pass(Duration::from_mins(5));
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn no_account_can_be_guessed_at_more_than_a_hundred_times_a_day() {
    let stage = Stage::new();
    let mut tried = 0;
    for _ in 0..30 {
        while guess(&stage, EMAIL).await.status == 401 {
            tried += 1;
        }
        stage.pass(Duration::from_mins(5));
    }

    // Attempts that were refused count, too.
    assert!((80..=100).contains(&tried), "{tried}");
    assert!(
        guess(&stage, EMAIL)
            .await
            .expect(429)
            .header("retry-after")
            .parse::<u32>()
            .is_ok_and(|wait| wait > 300)
    );
}

#[tokio::test]
async fn attempts_are_counted_per_source_too() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "5"));
    for number in 0..5 {
        guess(&stage, &format!("user{number}@example.com")).await.expect(401);
    }

    // Whatever a header says of where it comes from.
    let request = json!({"email": "user6@example.com", "password": "x"});
    let request = local::Request::post("/v1/sessions", &request).header("x-forwarded-for", "203.0.113.9");
    stage.send(request).await.expect(429);
}

#[tokio::test]
async fn two_hundred_attempts_at_once_are_no_more_than_ten() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "1000"));
    stage.registered(EMAIL).await;

    let answers = join_all((0..200).map(|_| guess(&stage, EMAIL))).await;

    let of_status = |status| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((of_status(401), of_status(429)), (10, 190));
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
async fn a_hash_with_other_parameters_is_made_anew_once() {
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
