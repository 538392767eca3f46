//! Choosing a new password with a link, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use local::calls::{Call, Fate, round_trips};
use serde_json::json;
use stage::{
    PASSWORD, Stage,
    faults::{Late, Outage},
};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "another horse, another battery";

fn subject(user: &serde_json::Value) -> String {
    format!("user#{}", user["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_every_session_ends() {
    let stage = Stage::new();
    let user = stage.registered(EMAIL).await;
    let first = stage::Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let second = stage::Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let link = stage.reset_link(EMAIL).await;

    let done = stage.reset(&link, NEW).await.expect(204);

    assert!(done.body.is_null(), "the response has no session");
    for session in [first, second] {
        assert_eq!(stage.refresh(&session.refresh).await.expect(401).problem(), "invalid-token");
    }
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in_with(EMAIL, NEW).await.expect(201);
    let events = stage.events_of(&subject(&user)).await;
    assert_eq!(events[3..], ["user.password-reset", "session.started"]);
}

#[tokio::test]
async fn it_takes_two_round_trips_and_one_after_the_hash() {
    let stage = Stage::with(local::Setup::recording);
    stage.registered(EMAIL).await;
    let warm = stage.reset_link(EMAIL).await;
    stage.reset(&warm, "no horse at all any more").await.expect(204);
    let link = stage.reset_link(EMAIL).await;
    stage.settle().await;
    stage.forget_calls();

    stage.reset(&link, NEW).await.expect(204);

    let calls = stage.stack.calls();
    let operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
    assert_eq!(round_trips(&calls), 3, "{operations:?}");
}

#[tokio::test]
async fn an_unacceptable_password_does_not_use_up_the_link() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;

    for (weak, code) in [("short", "password-too-short"), ("ada@example.com1", "password-blocklisted")] {
        let refused = stage.reset(&link, weak).await.expect(422);
        let error = &refused.body["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/new_password"), &json!(code)));
    }

    stage.reset(&link, NEW).await.expect(204);
    assert_eq!(stage.reset(&link, NEW).await.expect(400).problem(), "link-invalid", "it works once");
}

#[tokio::test]
async fn the_forgotten_password_is_refused_and_the_link_stays_valid() {
    let stage = Stage::with(|setup| setup.with_parameter("PasswordHistory", "2"));
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    let refused = stage.reset(&link, PASSWORD).await.expect(422);
    assert_eq!(refused.body["errors"][0]["code"], "password-reused");
    stage.reset(&link, NEW).await.expect(204);

    let link = stage.reset_link(EMAIL).await;
    for known in [PASSWORD, NEW] {
        stage.reset(&link, known).await.expect(422);
    }
    stage.reset(&link, "no horse at all any more").await.expect(204);
}

/// Each refused password can take one hash for each remembered password.
#[tokio::test]
async fn refused_passwords_are_counted_like_guesses() {
    for refused in [PASSWORD, "PasswordPassword"] {
        let stage = Stage::new();
        stage.registered(EMAIL).await;
        let link = stage.reset_link(EMAIL).await;
        for _ in 0..10 {
            stage.reset(&link, refused).await.expect(422);
        }

        let limited = stage.reset(&link, NEW).await.expect(429);
        assert_eq!((limited.problem(), limited.header("retry-after")), ("rate-limited", "1"));

        stage.pass(Duration::from_secs(1));
        stage.reset(&link, NEW).await.expect(204);
        // A success refunds the refused attempts.
        let link = stage.reset_link(EMAIL).await;
        for _ in 0..10 {
            stage.reset(&link, NEW).await.expect(422);
        }
    }
}

#[tokio::test]
async fn a_password_that_is_too_long_is_refused_before_the_link_is_read() {
    let stage = Stage::with(local::Setup::recording);

    let refused = stage.reset("gpl_", &"x".repeat(257)).await.expect(422);

    assert_eq!(refused.body["errors"][0]["code"], "password-too-long");
    assert!(stage.stack.calls().iter().all(|made| made.call.service == "secretsmanager"));
}

/// An attacker who knows a user's id must not use up the user's attempts.
#[tokio::test]
async fn invalid_links_are_not_counted() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let before = stage.reset_link(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    for _ in 0..20 {
        stage.reset(&before, NEW).await.expect(400);
    }

    stage.reset(&link, NEW).await.expect(204);
}

#[tokio::test]
async fn a_skipped_breach_check_is_in_the_event() {
    let silence = |call: &Call| if call.service == "breaches" { Fate::RequestLost } else { Fate::Proceed };
    let stage = Stage::with(|setup| setup.with_parameter("BreachedPasswords", "check").watched_by(silence));
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;

    stage.reset(&link, NEW).await.expect(204);

    stage.settle().await;
    let reset = stage.stack.events().into_iter().find(|event| event.detail_type == "user.password-reset");
    assert_eq!(reset.expect("an event").detail["data"], json!({"breach_check": "unavailable"}));
}

#[tokio::test]
async fn links_for_other_purposes_are_refused() {
    let stage = Stage::new();
    stage.register("bob@example.com").await.expect(202);
    let of_a_registration = stage.link("bob@example.com").await;
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    let altered = format!("{}{}", &link[..link.len() - 2], if link.ends_with("AA") { "BB" } else { "AA" });

    for token in ["", "gpl_", "gpl_AAAA", "☃", &of_a_registration, &altered] {
        assert_eq!(stage.reset(token, NEW).await.expect(400).problem(), "link-invalid", "{token}");
    }
    stage.send(local::Request::get(&format!("/v1/password-resets/confirm?token={link}"))).await.expect(405);

    stage.reset(&link, NEW).await.expect(204);
}

#[tokio::test]
async fn a_link_expires_by_comparison() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let (early, late) = (Duration::from_millis(30 * 60 * 1000 - 1), Duration::from_mins(30));

    let link = stage.reset_link(EMAIL).await;
    stage.pass(late);
    assert_eq!(stage.reset(&link, NEW).await.expect(400).problem(), "link-invalid");

    let link = stage.reset_link(EMAIL).await;
    stage.pass(early);
    stage.reset(&link, NEW).await.expect(204);
}

#[tokio::test]
async fn a_newer_link_replaces_an_older_one() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let first = stage.reset_link(EMAIL).await;
    let second = stage.reset_link(EMAIL).await;

    assert_eq!(stage.reset(&first, NEW).await.expect(400).problem(), "link-invalid");
    stage.reset(&second, NEW).await.expect(204);
}

#[tokio::test]
async fn one_of_many_concurrent_uses_of_a_link_wins() {
    let stage = Stage::new();
    let user = stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    let passwords: Vec<_> = (0..8).map(|number| format!("battery number {number} of them")).collect();

    let answers = join_all(passwords.iter().map(|password| stage.reset(&link, password))).await;

    let statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 7, "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).expect("a winner");
    stage.log_in_with(EMAIL, &passwords[winner]).await.expect(201);
    let events = stage.events_of(&subject(&user)).await;
    assert_eq!(events, ["user.registered", "user.password-reset", "session.started"]);
}

#[tokio::test]
async fn it_works_while_log_in_is_throttled_and_resets_the_limit() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    while stage.log_in_with(EMAIL, "not the password at all").await.status == 401 {}
    stage.log_in(EMAIL).await.expect(429);

    let link = stage.reset_link(EMAIL).await;
    stage.reset(&link, NEW).await.expect(204);

    stage.log_in_with(EMAIL, NEW).await.expect(201);
}

#[tokio::test]
async fn an_invalid_link_resets_no_limit() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    stage.pass(Duration::from_mins(30));
    while stage.log_in_with(EMAIL, "not the password at all").await.status == 401 {}

    stage.reset(&link, NEW).await.expect(400);

    stage.log_in(EMAIL).await.expect(429);
}

/// The credential and the user are read one after the other. A password that is replaced in between must not
/// start a session.
#[tokio::test]
async fn a_concurrent_log_in_with_the_old_password_is_refused() {
    let late = Late::default();
    let reads_the_user = |call: &Call| {
        let of_user = |key: &str| key.starts_with("USER#");
        let reads = call.touches.iter().filter(|touch| touch.action == "dynamodb:Query");
        call.function == "log-in"
            && reads.into_iter().any(|touch| touch.partition_key.as_deref().is_some_and(of_user))
    };
    let stage = Stage::with(|setup| setup.watched_by(late.holding(reads_the_user)));
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    late.expect();

    let resetting = async {
        late.has_come().await;
        stage.reset(&link, NEW).await.expect(204);
        late.go_on();
    };
    let (logged_in, ()) = tokio::join!(stage.log_in(EMAIL), resetting);

    assert_eq!(logged_in.expect(401).problem(), "invalid-credentials");
}

/// A log-in changes the user between the read and the write, so the reset is retried.
#[tokio::test]
async fn concurrent_log_ins_do_not_prevent_it() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;

    let log_ins = join_all((0..6).map(|_| stage.log_in(EMAIL)));
    let (logged_in, reset) = tokio::join!(log_ins, stage.reset(&link, NEW));

    reset.expect(204);
    for answer in logged_in.iter().filter(|answer| answer.status == 201) {
        let session = stage::Tokens::of(&answer.body);
        assert_eq!(stage.refresh(&session.refresh).await.expect(401).problem(), "invalid-token");
    }
    stage.log_in_with(EMAIL, NEW).await.expect(201);
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn a_lost_call_replaces_the_password_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    let cases = fates.into_iter().flat_map(|fate| (0..8).map(move |lost| lose(lost, fate)));
    let again = join_all(cases).await;
    assert!(again.contains(&Some(400)), "the password was replaced without a response: {again:?}");
}

/// Returns the status of a retry, if the first response was 503.
async fn lose(lost: usize, fate: fn() -> Fate) -> Option<u16> {
    let (outage, watcher) = Outage::after(lost, "reset-password", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let user = stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;

    outage.begin();
    let answer = stage.reset(&link, NEW).await;
    outage.end();

    assert!([204, 503].contains(&answer.status), "{lost}: {}", answer.body);
    let mut again = None;
    if answer.status == 503 {
        again = Some(stage.reset(&link, NEW).await.status);
        assert!(again.is_some_and(|status| [204, 400].contains(&status)), "{lost}: done already, or now");
    }
    stage.log_in_with(EMAIL, NEW).await.expect(201);
    let events = stage.events_of(&subject(&user)).await;
    assert_eq!(events, ["user.registered", "user.password-reset", "session.started"], "{lost}");
    again
}
