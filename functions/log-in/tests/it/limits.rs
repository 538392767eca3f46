//! The limits of log-in attempts.

use std::{
    net::Ipv6Addr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use local::calls::{Call, Fate, Refusal};
use serde_json::json;
use stage::{Answer, PASSWORD, Stage, Tokens};

use crate::{EMAIL, guess};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_hours(24);

fn unlimited_source(setup: local::Setup) -> local::Setup {
    setup.with_parameter("LogInAttemptsPerIp", "100000")
}

/// Uses up all free attempts at an address.
async fn exhaust(stage: &Stage, email: &str) {
    for _ in 0..10 {
        guess(stage, email).await.expect(401);
    }
}

/// Logs in with a device token and a password.
async fn from_device(stage: &Stage, token: &str, email: &str, password: &str) -> Answer {
    let body = json!({"email": email, "password": password, "device_token": token});
    stage.post("/v1/sessions", body).await
}

fn device_token(granted: &Answer) -> String {
    granted.body["device_token"].as_str().expect("a device token").to_owned()
}

async fn known_device(stage: &Stage, email: &str) -> String {
    stage.registered(email).await;
    device_token(&stage.log_in(email).await.expect(201))
}

fn is_of_limit(call: &Call) -> bool {
    call.touches.iter().any(|touch| touch.partition_key.as_deref().is_some_and(|pk| pk.starts_with("LIMIT#")))
}

#[tokio::test]
async fn ten_attempts_are_free_and_each_further_one_waits_twice_as_long_known_or_not() {
    let stage = Stage::with(unlimited_source);
    stage.registered(EMAIL).await;

    for email in [EMAIL, "unknown@example.com"] {
        exhaust(&stage, email).await;
        for wait in ["1", "2", "4", "8"] {
            let refused = guess(&stage, email).await.expect(429);
            assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", wait));
            stage.pass(SECOND * wait.parse().expect("seconds"));
            guess(&stage, email).await.expect(401);
        }
    }
}

#[tokio::test]
async fn waiting_as_long_as_told_is_enough() {
    let stage = Stage::with(unlimited_source);
    exhaust(&stage, EMAIL).await;
    stage.pass(SECOND);
    guess(&stage, EMAIL).await.expect(401);

    stage.pass(Duration::from_millis(700));

    assert_eq!(
        guess(&stage, EMAIL).await.expect(429).header("retry-after"),
        "2",
        "1.3 seconds remain, rounded up"
    );
}

/// Guesses until the next attempt has to wait this long.
async fn wear_out(stage: &Stage, wait: &str, guess: impl AsyncFn(u16) -> Answer) {
    for number in 0.. {
        let answer = guess(number).await;
        match answer.header("retry-after") {
            "" => {}
            told if told == wait => return,
            told => stage.pass(SECOND * told.parse().expect("seconds")),
        }
    }
}

#[tokio::test]
async fn the_longer_of_two_waits_is_returned() {
    for (of_address, of_source) in [("4", "1"), ("1", "4")] {
        let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "5"));
        let guess = async |source: &str, email: &str| {
            let body = json!({"email": email, "password": "not the password at all"});
            stage.post_from(source, "/v1/sessions", body).await
        };
        let at_address = async |number| guess(&format!("198.51.100.{number}"), EMAIL).await;
        let from_source = async |number| guess("203.0.113.7", &format!("user{number}@example.com")).await;
        // The longer wait comes first, because the other one needs no time to pass.
        if of_address > of_source {
            wear_out(&stage, of_address, at_address).await;
            wear_out(&stage, of_source, from_source).await;
        } else {
            wear_out(&stage, of_source, from_source).await;
            wear_out(&stage, of_address, at_address).await;
        }

        assert_eq!(guess("203.0.113.7", EMAIL).await.expect(429).header("retry-after"), "4");
    }
}

#[tokio::test]
async fn the_right_password_waits_too_and_resets_the_limit() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    exhaust(&stage, EMAIL).await;

    stage.log_in(EMAIL).await.expect(429);
    stage.pass(SECOND);
    stage.log_in(EMAIL).await.expect(201);

    exhaust(&stage, EMAIL).await;
}

#[tokio::test]
async fn refused_attempts_do_not_extend_the_wait() {
    let stage = Stage::with(unlimited_source);
    exhaust(&stage, EMAIL).await;

    for _ in 0..50 {
        assert_eq!(guess(&stage, EMAIL).await.expect(429).header("retry-after"), "1");
    }

    stage.pass(SECOND);
    guess(&stage, EMAIL).await.expect(401);
}

#[tokio::test]
async fn a_day_after_the_last_attempt_the_limit_is_reset() {
    let stage = Stage::with(unlimited_source);
    exhaust(&stage, EMAIL).await;
    stage.pass(SECOND);
    guess(&stage, EMAIL).await.expect(401);

    stage.pass(DAY);

    let answers = join_all((0..30).map(|_| guess(&stage, EMAIL))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 10, "immediately, too");
}

#[tokio::test]
async fn an_account_gets_at_most_a_hundred_guesses_a_day() {
    let stage = Stage::with(unlimited_source);
    let (mut tried, mut passed) = (0, Duration::ZERO);

    while passed < DAY && tried < 1000 {
        let answer = guess(&stage, EMAIL).await;
        if answer.status == 401 {
            tried += 1;
        } else {
            let wait = SECOND * answer.expect(429).header("retry-after").parse().expect("seconds");
            stage.pass(wait);
            passed += wait;
        }
    }

    assert!((80..=100).contains(&tried), "{tried}");
}

#[tokio::test]
async fn two_hundred_concurrent_attempts_count_as_ten() {
    // Recorded calls run concurrently.
    let stage = Stage::with(|setup| unlimited_source(setup).recording());
    stage.registered(EMAIL).await;
    let two_hundred = async || {
        let answers = join_all((0..200).map(|_| guess(&stage, EMAIL))).await;
        let of_status = |status| answers.iter().filter(|answer| answer.status == status).count();
        (of_status(401), of_status(429))
    };

    assert_eq!(two_hundred().await, (10, 190));

    for wait in [1, 2, 4] {
        stage.pass(SECOND * wait);
        assert_eq!(two_hundred().await, (1, 199), "one, {wait} s later");
    }
}

#[tokio::test]
async fn attempts_are_counted_per_source_regardless_of_headers() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "5"));
    for number in 0..5 {
        guess(&stage, &format!("user{number}@example.com")).await.expect(401);
    }

    let request = json!({"email": "user6@example.com", "password": "x"});
    let request = local::Request::post("/v1/sessions", &request).header("x-forwarded-for", "203.0.113.9");
    stage.send(request).await.expect(429);

    stage.pass(SECOND);
    guess(&stage, "user6@example.com").await.expect(401);
}

#[tokio::test]
async fn an_ipv6_network_of_64_bits_is_one_source() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "5"));
    let from = async |source: String, number: u16| {
        let body = json!({"email": format!("user{number}@example.com"), "password": "x"});
        stage.post_from(&source, "/v1/sessions", body).await
    };
    for number in 0..5 {
        let host = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, number, 0, 0, number);
        from(host.to_string(), number).await.expect(401);
    }

    from("2001:db8:1:2:ffff::1".to_owned(), 6).await.expect(429);

    from("2001:db8:1:3::1".to_owned(), 7).await.expect(401);
    for number in 0..5 {
        from("::ffff:203.0.113.7".to_owned(), 10 + number).await.expect(401);
    }
    from("203.0.113.7".to_owned(), 20).await.expect(429);
}

#[tokio::test]
async fn a_log_in_uses_up_no_attempt_and_refunds_only_its_own() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "5"));
    stage.registered(EMAIL).await;
    for _ in 0..10 {
        stage.log_in(EMAIL).await.expect(201);
    }

    for number in 0..5 {
        guess(&stage, &format!("user{number}@example.com")).await.expect(401);
    }
    stage.pass(SECOND);
    stage.log_in(EMAIL).await.expect(201);

    // The log-in did not refund guesses at other addresses.
    guess(&stage, "user6@example.com").await.expect(429);
}

#[tokio::test]
async fn attempts_refused_for_the_source_do_not_count_for_the_address() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "5"));
    for number in 0..5 {
        guess(&stage, &format!("user{number}@example.com")).await.expect(401);
    }
    for _ in 0..20 {
        guess(&stage, EMAIL).await.expect(429);
    }

    for number in 0..10 {
        let source = format!("198.51.100.{number}");
        let body = json!({"email": EMAIL, "password": "not the password at all"});
        stage.post_from(&source, "/v1/sessions", body).await.expect(401);
    }
}

#[tokio::test]
async fn a_known_device_cannot_be_locked_out() {
    let stage = Stage::with(|setup| setup.with_parameter("LogInAttemptsPerIp", "12"));
    let token = known_device(&stage, EMAIL).await;

    exhaust(&stage, EMAIL).await;
    guess(&stage, "other@example.com").await.expect(401);
    guess(&stage, "other@example.com").await.expect(401);

    guess(&stage, "other@example.com").await.expect(429);
    stage.log_in(EMAIL).await.expect(429);
    let granted = from_device(&stage, &token, EMAIL, PASSWORD).await.expect(201);
    from_device(&stage, &device_token(&granted), EMAIL, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_known_device_has_ten_attempts_of_its_own() {
    let stage = Stage::new();
    let token = known_device(&stage, EMAIL).await;
    let other = device_token(&stage.log_in(EMAIL).await.expect(201));

    for _ in 0..10 {
        from_device(&stage, &token, EMAIL, "wrong").await.expect(401);
    }

    from_device(&stage, &token, EMAIL, PASSWORD).await.expect(429);
    from_device(&stage, &other, EMAIL, PASSWORD).await.expect(201);
    stage.log_in(EMAIL).await.expect(201);
    stage.pass(SECOND);
    from_device(&stage, &token, EMAIL, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn forged_and_foreign_device_tokens_are_ignored() {
    let stage = Stage::new();
    let token = known_device(&stage, EMAIL).await;
    let bobs = known_device(&stage, "bob@example.com").await;
    let forged = format!("{}A{}", &token[..40], &token[41..]);
    exhaust(&stage, EMAIL).await;

    for wrong in [bobs.as_str(), forged.as_str(), "gpd_", "", "\u{0}"] {
        from_device(&stage, wrong, EMAIL, PASSWORD).await.expect(429);
    }

    from_device(&stage, &token, EMAIL, PASSWORD).await.expect(201);
}

#[tokio::test]
async fn a_device_stays_known_after_a_rehash() {
    let folder = std::env::temp_dir().join(format!("gatepost-devices-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let setup = local::Stack::folder(&folder);
    let token = known_device(&Stage::of(setup.clone()), EMAIL).await;
    let stage = Stage::of(setup.with_parameter("Argon2Iterations", "3"));
    let elsewhere = device_token(&stage.log_in(EMAIL).await.expect(201));
    exhaust(&stage, EMAIL).await;

    for known in [token, elsewhere] {
        from_device(&stage, &known, EMAIL, PASSWORD).await.expect(201);
    }
    drop(stage);
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

#[tokio::test]
async fn a_new_password_makes_every_device_unknown() {
    const NEW: &str = "another horse, another battery";
    let stage = Stage::new();
    let before = known_device(&stage, EMAIL).await;
    let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let body = json!({"current_password": PASSWORD, "new_password": NEW});
    let change = local::Request::new("PUT", "/v1/me/password").json(&body).bearer(&tokens.access);
    stage.send(change).await.expect(204);
    let since = device_token(&stage.log_in_with(EMAIL, NEW).await.expect(201));
    exhaust(&stage, EMAIL).await;

    let stranger = from_device(&stage, &before, EMAIL, NEW).await.expect(429);
    let known = from_device(&stage, &since, EMAIL, NEW).await;

    assert_eq!((stranger.header("retry-after"), known.status), ("1", 201));
}

#[tokio::test]
async fn a_password_reset_can_be_requested_while_log_in_is_throttled() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    exhaust(&stage, EMAIL).await;
    stage.log_in(EMAIL).await.expect(429);

    stage.post("/v1/password-resets", json!({"email": EMAIL})).await.expect(202);
}

#[tokio::test]
async fn limits_are_stored_without_addresses() {
    let stage = Stage::with(local::Setup::recording);
    stage.registered(EMAIL).await;
    stage.settle().await;
    stage.forget_calls();

    guess(&stage, EMAIL).await.expect(401);

    let calls = stage.stack.calls();
    let limits: Vec<_> = calls.iter().filter(|made| is_of_limit(&made.call)).collect();
    assert_eq!(limits.len(), 2);
    for made in limits {
        let written = made.call.request.to_string();
        assert!(!written.contains("ada") && !written.contains("127.0.0.1"), "{written}");
    }
}

#[tokio::test]
async fn attempts_are_counted_before_the_password_is_checked() {
    let throttled = |call: &Call| match call {
        limit if is_of_limit(limit) => Fate::Refused(Refusal::THROTTLED),
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(throttled).recording());

    // Registrations are counted as well.
    assert_eq!(stage.register(EMAIL).await.expect(503).problem(), "temporarily-unavailable");
    assert_eq!(stage.log_in(EMAIL).await.expect(503).problem(), "temporarily-unavailable");

    assert!(!stage.stack.calls().iter().any(|made| made.call.operation == "TransactWriteItems"));
}

#[tokio::test]
async fn an_attempt_with_a_lost_response_counts() {
    let losing = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&losing);
    let stage = Stage::with(|setup| {
        setup.watched_by(move |call| {
            if is_of_limit(call) && watched.swap(false, SeqCst) { Fate::AnswerLost } else { Fate::Proceed }
        })
    });
    let mut tried = 0;
    for _ in 0..30 {
        losing.store(true, SeqCst);
        tried += usize::from(guess(&stage, EMAIL).await.status == 401);
    }

    // The SDK retries, so some attempts count twice, and each counts at least once.
    assert!((5..=10).contains(&tried), "{tried}");
}

#[tokio::test]
async fn an_uncertain_refund_is_not_repeated() {
    let is_given_back = |call: &Call| call.request["ExpressionAttributeValues"][":one_less"].is_object();
    let lost = move |call: &Call| if is_given_back(call) { Fate::AnswerLost } else { Fate::Proceed };
    let stage = Stage::with(|setup| setup.watched_by(lost).recording());
    stage.registered(EMAIL).await;
    stage.forget_calls();

    stage.log_in(EMAIL).await.expect(201);

    let given_back = stage.stack.calls().iter().filter(|made| is_given_back(&made.call)).count();
    assert_eq!(given_back, 1);
}

#[tokio::test]
async fn a_failed_refund_does_not_prevent_the_log_in() {
    let granted = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&granted);
    let stage = Stage::with(|setup| {
        setup.watched_by(move |call| match call.operation.as_str() {
            "DeleteItem" if is_of_limit(call) && watched.load(SeqCst) => {
                Fate::Refused(Refusal::ACCESS_DENIED)
            }
            _ => Fate::Proceed,
        })
    });
    stage.registered(EMAIL).await;
    granted.store(true, SeqCst);

    for _ in 0..10 {
        stage.log_in(EMAIL).await.expect(201);
    }

    stage.log_in(EMAIL).await.expect(429);
}
