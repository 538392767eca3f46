//! Changing the password, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use local::calls::{Call, Fate, round_trips};
use serde_json::json;
use stage::{
    Answer, PASSWORD, Stage, Tokens,
    faults::{Late, Outage},
};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "another horse, another battery";
const THIRD: &str = "no horse at all any more";

async fn change(stage: &Stage, access_token: &str, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    stage.send(local::Request::new("PUT", "/v1/me/password").json(&body).bearer(access_token)).await
}

async fn events(stage: &Stage, access_token: &str) -> Vec<String> {
    let me = stage.get("/v1/me", access_token).await.expect(200).body;
    stage.events_of(&format!("user#{}", me["id"].as_str().expect("an id"))).await
}

#[tokio::test]
async fn the_other_sessions_end_and_this_one_continues() {
    let stage = Stage::new();
    let this = stage.signed_in(EMAIL).await;
    let other = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);

    let done = change(&stage, &this.access, PASSWORD, NEW).await.expect(204);

    assert!(done.body.is_null());
    assert_eq!(stage.refresh(&other.refresh).await.expect(401).problem(), "invalid-token");
    let this = Tokens::of(&stage.refresh(&this.refresh).await.expect(200).body);
    stage.refresh(&this.refresh).await.expect(200);
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in_with(EMAIL, NEW).await.expect(201);
    assert_eq!(events(&stage, &this.access).await[3], "user.password-changed");
    let changed = stage.stack.events().into_iter().find(|event| event.detail_type == "user.password-changed");
    assert_eq!(changed.expect("an event").detail["data"], json!({"kept_session_id": this.session_id}));
}

#[tokio::test]
async fn it_takes_two_reads_and_one_write() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    change(&stage, &tokens.access, PASSWORD, NEW).await.expect(204);
    stage.settle().await;
    stage.forget_calls();

    change(&stage, &tokens.access, NEW, THIRD).await.expect(204);

    let calls = stage.stack.calls();
    let operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
    assert_eq!(round_trips(&calls), 3, "{operations:?}");
}

#[tokio::test]
async fn a_wrong_password_changes_nothing_and_is_counted() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    for _ in 0..10 {
        let refused = change(&stage, &tokens.access, "not the password at all", NEW).await.expect(403);
        assert_eq!(refused.problem(), "reauthentication-required");
    }
    let refused = change(&stage, &tokens.access, PASSWORD, NEW).await.expect(429);
    assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "1"));

    stage.log_in(EMAIL).await.expect(201);
    stage.pass(Duration::from_secs(1));
    change(&stage, &tokens.access, PASSWORD, NEW).await.expect(204);
}

#[tokio::test]
async fn a_current_password_that_is_too_long_is_a_wrong_one() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let refused = change(&stage, &tokens.access, &"x".repeat(5000), NEW).await.expect(403);

    assert_eq!(refused.problem(), "reauthentication-required");
}

#[tokio::test]
async fn a_success_refunds_the_wrong_attempts() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    for (from, to) in [(PASSWORD, NEW), (NEW, THIRD)] {
        for _ in 0..9 {
            change(&stage, &tokens.access, "not the password at all", NEW).await.expect(403);
        }
        change(&stage, &tokens.access, from, to).await.expect(204);
    }
}

#[tokio::test]
async fn an_unacceptable_new_password_changes_nothing() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let refused = change(&stage, &tokens.access, PASSWORD, "short").await.expect(422);

    let error = &refused.body["errors"][0];
    assert_eq!((&error["pointer"], &error["code"]), (&json!("/new_password"), &json!("password-too-short")));
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn the_last_three_passwords_are_refused() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    change(&stage, &tokens.access, PASSWORD, NEW).await.expect(204);
    change(&stage, &tokens.access, NEW, THIRD).await.expect(204);

    for known in [PASSWORD, NEW, THIRD] {
        let refused = change(&stage, &tokens.access, THIRD, known).await.expect(422);
        let error = &refused.body["errors"][0];
        assert_eq!((&error["pointer"], &error["code"]), (&json!("/new_password"), &json!("password-reused")));
    }

    change(&stage, &tokens.access, THIRD, "a fourth one, of a tortoise").await.expect(204);
    change(&stage, &tokens.access, "a fourth one, of a tortoise", PASSWORD).await.expect(204);
    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn a_rehash_keeps_the_previous_passwords() {
    let folder = std::env::temp_dir().join(format!("gatepost-remembers-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let setup = local::Stack::folder(&folder);
    let stage = Stage::of(setup.clone());
    let tokens = stage.signed_in(EMAIL).await;
    change(&stage, &tokens.access, PASSWORD, NEW).await.expect(204);
    drop(stage);
    let stage = Stage::of(setup.with_parameter("Argon2Iterations", "3"));
    let tokens = Tokens::of(&stage.log_in_with(EMAIL, NEW).await.expect(201).body);

    let refused = change(&stage, &tokens.access, NEW, PASSWORD).await.expect(422);

    assert_eq!(refused.body["errors"][0]["code"], "password-reused");
    drop(stage);
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

#[tokio::test]
async fn a_breached_password_is_refused_and_the_event_records_a_skipped_check() {
    let silent = Arc::new(AtomicBool::new(false));
    let watched = Arc::clone(&silent);
    let stage = Stage::with(|setup| {
        let silence = move |call: &Call| match call.service {
            "breaches" if watched.load(SeqCst) => Fate::Silence,
            _ => Fate::Proceed,
        };
        setup.with_parameter("BreachedPasswords", "check").watched_by(silence)
    });
    let tokens = stage.signed_in(EMAIL).await;

    let refused = change(&stage, &tokens.access, PASSWORD, "swimming with the sharks").await.expect(422);
    silent.store(true, SeqCst);
    change(&stage, &tokens.access, PASSWORD, "swimming with the sharks").await.expect(204);

    assert_eq!(refused.body["errors"][0]["code"], "password-breached");
    stage.settle().await;
    let changed = stage.stack.events().into_iter().find(|event| event.detail_type == "user.password-changed");
    assert_eq!(changed.expect("an event").detail["data"]["breach_check"], "unavailable");
}

#[tokio::test]
async fn ended_sessions_and_anonymous_callers_change_nothing() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    stage.log_out(&tokens.access).await.expect(204);

    let ended = change(&stage, &tokens.access, PASSWORD, NEW).await.expect(401);
    assert_eq!(ended.problem(), "invalid-token");
    let nobody = change(&stage, "none", PASSWORD, NEW).await.expect(401);
    assert_eq!(nobody.problem(), "invalid-token");

    stage.log_in(EMAIL).await.expect(201);
}

#[tokio::test]
async fn earlier_links_are_revoked() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let reset = stage.reset_link(EMAIL).await;
    let email = stage.email_link(&tokens.access, "eve@example.com").await;

    change(&stage, &tokens.access, PASSWORD, NEW).await.expect(204);

    assert_eq!(stage.reset(&reset, "the horse of somebody else").await.expect(400).problem(), "link-invalid");
    assert_eq!(stage.verify_email(&tokens.access, &email).await.expect(400).problem(), "link-invalid");
}

/// Each request comes from a session of its own: the first change ends the others.
#[tokio::test]
async fn one_of_many_concurrent_requests_wins() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(Tokens::of(&stage.log_in(EMAIL).await.expect(201).body));
    }
    let passwords: Vec<_> = (0..4).map(|number| format!("battery number {number} of them")).collect();

    let changes = sessions.iter().zip(&passwords);
    let changes = changes.map(|(session, new)| change(&stage, &session.access, PASSWORD, new));
    let statuses: Vec<_> = join_all(changes).await.iter().map(|answer| answer.status).collect();

    assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [204, 401, 403].contains(status)), "{statuses:?}");
    let winner = statuses.iter().position(|status| *status == 204).expect("a winner");
    stage.log_in_with(EMAIL, &passwords[winner]).await.expect(201);
    for (at, session) in sessions.iter().enumerate() {
        stage.refresh(&session.refresh).await.expect(if at == winner { 200 } else { 401 });
    }
}

/// All requests come from one session, which continues. After the first change, the current password of the
/// others is wrong.
#[tokio::test]
async fn one_of_many_concurrent_requests_of_a_session_wins() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let passwords: Vec<_> = (0..4).map(|number| format!("battery number {number} of them")).collect();

    let changes = passwords.iter().map(|new| change(&stage, &tokens.access, PASSWORD, new));
    let mut statuses: Vec<_> = join_all(changes).await.iter().map(|answer| answer.status).collect();

    statuses.sort_unstable();
    assert_eq!(statuses, [204, 403, 403, 403]);
    stage.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(events(&stage, &tokens.access).await.len(), 3);
}

/// A refresh reads the session and the user concurrently. A change between the reads must not end the kept
/// session, whichever was read first.
#[tokio::test]
async fn the_kept_session_can_be_refreshed_concurrently() {
    for late in ["GetItem", "UpdateItem"] {
        let one = Late::default();
        let is_late = move |call: &Call| call.function == "refresh-session" && call.operation == late;
        let stage = Stage::with(|setup| setup.recording().watched_by(one.holding(is_late)));
        let tokens = stage.signed_in(EMAIL).await;
        stage.forget_calls();
        one.expect();

        let changing = async {
            one.has_come().await;
            // Meanwhile, the other of the two calls completes.
            let other = if late == "GetItem" { "UpdateItem" } else { "GetItem" };
            while !stage.stack.calls().iter().any(|made| made.call.operation == other) {
                tokio::task::yield_now().await;
            }
            change(&stage, &tokens.access, PASSWORD, NEW).await.expect(204);
            one.go_on();
        };
        let (refreshed, ()) = tokio::join!(stage.refresh(&tokens.refresh), changing);

        let next = Tokens::of(&refreshed.expect(200).body);
        stage.refresh(&next.refresh).await.expect(200);
    }
}

/// A log-in changes the user between the read and the write, so the change is retried.
#[tokio::test]
async fn concurrent_log_ins_do_not_prevent_it() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let log_ins = join_all((0..6).map(|_| stage.log_in(EMAIL)));
    let (logged_in, changed) = tokio::join!(log_ins, change(&stage, &tokens.access, PASSWORD, NEW));

    changed.expect(204);
    for answer in logged_in.iter().filter(|answer| answer.status == 201) {
        let session = Tokens::of(&answer.body);
        assert_eq!(stage.refresh(&session.refresh).await.expect(401).problem(), "invalid-token");
    }
    stage.refresh(&tokens.refresh).await.expect(200);
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn a_lost_call_changes_the_password_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    let cases = fates.into_iter().flat_map(|fate| (0..10).map(move |lost| lose(lost, fate)));
    let again = join_all(cases).await;
    assert!(again.contains(&Some(403)), "the password was changed without a response: {again:?}");
}

/// Returns the status of a retry, if the first response was 503.
async fn lose(lost: usize, fate: fn() -> Fate) -> Option<u16> {
    let (outage, watcher) = Outage::after(lost, "change-password", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;

    outage.begin();
    let answer = change(&stage, &tokens.access, PASSWORD, NEW).await;
    outage.end();

    assert!([204, 503].contains(&answer.status), "{lost}: {}", answer.body);
    let mut again = None;
    if answer.status == 503 {
        again = Some(change(&stage, &tokens.access, PASSWORD, NEW).await.status);
        assert!(again.is_some_and(|status| [204, 403].contains(&status)), "{lost}: done already, or now");
    }
    stage.refresh(&tokens.refresh).await.expect(200);
    stage.log_in_with(EMAIL, NEW).await.expect(201);
    let events = events(&stage, &tokens.access).await;
    assert_eq!(
        events,
        ["user.registered", "session.started", "user.password-changed", "session.started"],
        "{lost}"
    );
    again
}
