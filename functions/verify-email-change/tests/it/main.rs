//! Proving a new address, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use futures_util::future::join_all;
use local::calls::{Call, Fate, round_trips};
use serde_json::json;
use stage::{
    PASSWORD, Stage, Tokens,
    faults::{Late, Outage},
};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "Lovelace@example.org";

#[tokio::test]
async fn the_proven_address_replaces_the_old_one_and_every_session_ends() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let other = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let link = stage.email_link(&tokens.access, NEW).await;

    let me = stage.verify_email(&tokens.access, &link).await.expect(200).body;

    assert_eq!(me["email"], NEW);
    for session in [tokens, other] {
        assert_eq!(stage.refresh(&session.refresh).await.expect(401).problem(), "invalid-token");
    }
    stage.log_in(EMAIL).await.expect(401);
    stage.log_in(NEW).await.expect(201);
    let events = stage.events_of(&format!("user#{}", me["id"].as_str().expect("an id"))).await;
    assert_eq!(events[3..], ["user.email-change-requested", "user.email-changed", "session.started"]);
    let changed = stage.stack.events().into_iter().find(|event| event.detail_type == "user.email-changed");
    assert_eq!(changed.expect("an event").detail["data"]["email"], NEW);
}

#[tokio::test]
async fn it_takes_two_reads_and_one_write() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;
    stage.verify_email(&tokens.access, "none").await.expect(400);
    stage.settle().await;
    stage.forget_calls();

    stage.verify_email(&tokens.access, &link).await.expect(200);

    let calls = stage.stack.calls();
    let operations: Vec<_> = calls.iter().map(|made| made.call.operation.as_str()).collect();
    assert_eq!(round_trips(&calls), 3, "{operations:?}");
}

#[tokio::test]
async fn the_former_address_can_be_registered_again() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;
    stage.verify_email(&tokens.access, &link).await.expect(200);

    let newcomer = stage.registered(EMAIL).await;

    let tokens = Tokens::of(&stage.log_in(NEW).await.expect(201).body);
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    assert_ne!(newcomer["id"], me["id"]);
}

/// The owner of a mistyped address gets the mail, but is another person.
#[tokio::test]
async fn the_link_works_only_for_its_user() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let stranger = stage.signed_in("bob@example.com").await;
    let link = stage.email_link(&tokens.access, NEW).await;

    assert_eq!(stage.verify_email(&stranger.access, &link).await.expect(400).problem(), "link-invalid");
    stage.verify_email("none", &link).await.expect(401);

    stage.verify_email(&tokens.access, &link).await.expect(200);
    assert_eq!(stage.verify_email(&tokens.access, &link).await.expect(401).problem(), "invalid-token");
    let tokens = Tokens::of(&stage.log_in(NEW).await.expect(201).body);
    assert_eq!(stage.verify_email(&tokens.access, &link).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn a_link_expires_by_comparison() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;

    stage.pass(Duration::from_hours(24));

    let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    assert_eq!(stage.verify_email(&tokens.access, &link).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn an_address_claimed_by_another_user_stays_theirs() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;
    stage.registered(&NEW.to_lowercase()).await;

    assert_eq!(stage.verify_email(&tokens.access, &link).await.expect(409).problem(), "email-taken");

    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    assert_eq!(me["email"], EMAIL);
    stage.refresh(&tokens.refresh).await.expect(200);
}

#[tokio::test]
async fn one_of_two_users_who_prove_an_address_concurrently_gets_it() {
    let stage = Stage::new();
    let mut asked = Vec::new();
    for email in ["ada@example.com", "bob@example.com", "carol@example.com"] {
        let tokens = stage.signed_in(email).await;
        let link = stage.email_link(&tokens.access, NEW).await;
        asked.push((tokens, link));
    }

    // Each link is used twice. The second time it has been used, or the session has ended.
    let all = asked.iter().chain(&asked).map(|(tokens, link)| stage.verify_email(&tokens.access, link));
    let statuses: Vec<_> = join_all(all).await.iter().map(|answer| answer.status).collect();

    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 400, 401, 409].contains(status)), "{statuses:?}");
    stage.log_in(NEW).await.expect(201);
}

#[tokio::test]
async fn a_reset_link_is_revoked_by_a_change_of_address() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let email = stage.email_link(&tokens.access, NEW).await;
    let reset = stage.reset_link(EMAIL).await;
    stage.verify_email(&tokens.access, &email).await.expect(200);

    let refused = stage.reset(&reset, "another horse, another battery").await.expect(400);

    assert_eq!(refused.problem(), "link-invalid");
    stage.log_in(NEW).await.expect(201);
}

/// An attacker who knew the password requests a change to their own address. The owner chooses a new password
/// while the attacker's access token is still valid.
#[tokio::test]
async fn a_new_password_revokes_the_link() {
    let stage = Stage::new();
    let thief = stage.signed_in(EMAIL).await;
    let email = stage.email_link(&thief.access, "eve@example.com").await;
    let reset = stage.reset_link(EMAIL).await;
    stage.reset(&reset, "another horse, another battery").await.expect(204);

    assert_eq!(stage.verify_email(&thief.access, &email).await.expect(401).problem(), "invalid-token");
    let owner = stage.log_in_with(EMAIL, "another horse, another battery").await.expect(201);
    let owner = Tokens::of(&owner.body);
    assert_eq!(stage.verify_email(&owner.access, &email).await.expect(400).problem(), "link-invalid");
}

#[tokio::test]
async fn the_password_stays_and_can_be_changed_afterwards() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;
    stage.verify_email(&tokens.access, &link).await.expect(200);

    let tokens = Tokens::of(&stage.log_in(NEW).await.expect(201).body);
    stage.change_password(&tokens.access, "another horse, another battery").await.expect(204);

    stage.log_in_with(NEW, "another horse, another battery").await.expect(201);
}

/// The credential and the user are read one after the other. An address that is changed in between must not
/// start a session.
#[tokio::test]
async fn a_concurrent_log_in_with_the_former_address_is_refused() {
    let late = Late::default();
    let reads_the_user = |call: &Call| {
        let of_user = |key: &str| key.starts_with("USER#");
        let reads = call.touches.iter().filter(|touch| touch.action == "dynamodb:Query");
        call.function == "log-in"
            && reads.into_iter().any(|touch| touch.partition_key.as_deref().is_some_and(of_user))
    };
    let stage = Stage::with(|setup| setup.watched_by(late.holding(reads_the_user)));
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;
    late.expect();

    let verifying = async {
        late.has_come().await;
        stage.verify_email(&tokens.access, &link).await.expect(200);
        late.go_on();
    };
    let (logged_in, ()) = tokio::join!(stage.log_in(EMAIL), verifying);

    assert_eq!(logged_in.expect(401).problem(), "invalid-credentials");
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn a_lost_call_changes_the_address_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    let cases = fates.into_iter().flat_map(|fate| (0..8).map(move |lost| lose(lost, fate)));
    let again = join_all(cases).await;
    assert!(again.contains(&Some(401)), "the address was changed without a response: {again:?}");
}

/// Returns the status of a retry, if the first response was 503.
async fn lose(lost: usize, fate: fn() -> Fate) -> Option<u16> {
    let (outage, watcher) = Outage::after(lost, "verify-email-change", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;
    let link = stage.email_link(&tokens.access, NEW).await;

    outage.begin();
    let answer = stage.verify_email(&tokens.access, &link).await;
    outage.end();

    assert!([200, 503].contains(&answer.status), "{lost}: {}", answer.body);
    let mut again = None;
    if answer.status == 503 {
        again = Some(stage.verify_email(&tokens.access, &link).await.status);
        assert!(again.is_some_and(|status| [200, 401].contains(&status)), "{lost}: done already, or now");
    }
    let body = json!({"email": EMAIL, "password": PASSWORD});
    stage.post("/v1/sessions", body).await.expect(401);
    let tokens = Tokens::of(&stage.log_in(NEW).await.expect(201).body);
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    let events = stage.events_of(&format!("user#{}", me["id"].as_str().expect("an id"))).await;
    assert_eq!(events[2..4], ["user.email-change-requested", "user.email-changed"], "{lost}");
    assert_eq!(events.len(), 5, "{lost}: {events:?}");
    again
}
