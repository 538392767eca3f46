//! Deleting users, tested through the API.

use std::time::Duration;

use local::Request;
use serde_json::json;
use stage::{ADA, BOB, Stage, Tokens, faults::Lost, id, subject};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn every_session_ends_and_the_user_is_notified_and_erased_when_due() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    let tokens = Tokens::of(&stage.log_in(BOB).await.expect(201).body);

    stage.delete_user(&admin.access, &bob).await.expect(204);

    assert_eq!(stage.refresh(&tokens.refresh).await.expect(401).problem(), "invalid-token");
    assert_eq!(stage.events_of(&subject(&bob)).await[2..], ["user.deletion-requested"]);
    let detail = stage.stack.events().pop().expect("an event").detail;
    let said = json!({"erase_at": "2026-11-28T03:00:00Z", "stated_reason": "ticket 4711"});
    assert_eq!(detail["data"], said);
    assert_eq!(detail["actor"], format!("user:{}", admin.claims()["sub"].as_str().expect("an id")));
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!((&*mail.to[0], &*mail.subject), (BOB, "Your account with Gatepost was deleted"));
    assert!(mail.text.contains("2026-11-28, 03:00 UTC"), "{}", mail.text);
    stage.pass(7 * DAY + Duration::from_hours(1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    assert_eq!(stage.events_of(&subject(&bob)).await[3..], ["user.erased"]);
    stage.registered(BOB).await;
}

#[tokio::test]
async fn logging_in_does_not_cancel_the_deletion_and_reveals_nothing() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let (bob, carol) = (stage.registered(BOB).await, stage.registered("carol@example.com").await);
    let reset = stage.reset_link(BOB).await;
    stage.suspend(&admin.access, &carol).await.expect(200);
    for user in [&bob, &carol] {
        stage.delete_user(&admin.access, user).await.expect(204);
    }

    for email in [BOB, "carol@example.com"] {
        assert_eq!(stage.log_in(email).await.expect(401).problem(), "invalid-credentials", "{email}");
    }
    stage.reset(&reset, "another horse, another battery").await.expect(400);

    for user in [&bob, &carol] {
        let last = stage.events_of(&subject(user)).await.pop();
        assert_eq!(last.as_deref(), Some("user.deletion-requested"));
    }
}

#[tokio::test]
async fn a_deletion_requested_by_the_user_becomes_final_and_keeps_its_date() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.leaving(BOB).await;
    stage.pass(DAY);
    let admin = Tokens::of(&stage.refresh(&admin.refresh).await.expect(200).body);

    stage.delete_user(&admin.access, &bob).await.expect(204);

    assert_eq!(stage.log_in(BOB).await.expect(401).problem(), "invalid-credentials");
    let requested = ["user.deletion-requested", "user.deletion-requested"];
    assert_eq!(stage.events_of(&subject(&bob)).await[2..], requested);
    let detail = stage.stack.events().pop().expect("an event").detail;
    let said = json!({"erase_at": "2026-11-28T03:00:00Z", "stated_reason": "ticket 4711"});
    assert_eq!(detail["data"], said);
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!((&*mail.to[0], &*mail.subject), (BOB, "Your account with Gatepost was deleted"));
    stage.pass(6 * DAY + Duration::from_hours(1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    assert_eq!(stage.events_of(&subject(&bob)).await[4..], ["user.erased"]);
}

#[tokio::test]
async fn callers_cannot_delete_their_own_account_with_it() {
    let stage = Stage::new();
    let ada = stage.registered(ADA).await;
    stage.make_administrator(&ada).await;
    let bob = stage.registered(BOB).await;
    stage.make_administrator(&bob).await;
    let admin = Tokens::of(&stage.log_in(ADA).await.expect(201).body);

    assert_eq!(stage.delete_user(&admin.access, &ada).await.expect(409).problem(), "own-account");

    stage.refresh(&admin.refresh).await.expect(200);
}

#[tokio::test]
async fn one_of_two_administrators_who_delete_each_other_remains() {
    let stage = Stage::with(stage::slowly);
    let (ada, bob) = (stage.registered(ADA).await, stage.registered(BOB).await);
    for user in [&ada, &bob] {
        stage.make_administrator(user).await;
    }
    let of_ada = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    let of_bob = Tokens::of(&stage.log_in(BOB).await.expect(201).body);

    let (one, other) =
        tokio::join!(stage.delete_user(&of_ada.access, &bob), stage.delete_user(&of_bob.access, &ada));

    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401], "the slower one has been signed out");
    let mut log_ins = [stage.log_in(ADA).await.status, stage.log_in(BOB).await.status];
    log_ins.sort_unstable();
    assert_eq!(log_ins, [201, 401]);
}

#[tokio::test]
async fn the_permission_a_reason_and_an_existing_user_are_required() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let eve = stage.registered("eve@example.com").await;
    stage.make_administrator(&eve).await;
    let (_, deputy) = stage.deputy(&admin, BOB, &["users:write"]).await;
    let carol = stage.registered("carol@example.com").await;
    let path = format!("/v1/users/{}", id(&carol));

    assert_eq!(stage.delete_user(&deputy.access, &eve).await.expect(403).problem(), "forbidden");
    stage.delete_user(&deputy.access, &json!({"id": "x"})).await.expect(404);
    stage.send(Request::delete(&path).json(&json!({"reason": ""})).bearer(&deputy.access)).await.expect(422);
    stage.send(Request::delete(&path).bearer(&deputy.access)).await.expect(422);
    let outdated = Request::delete(&path).json(&json!({"reason": "x"})).header("if-match", "\"7\"");
    stage.send(outdated.bearer(&deputy.access)).await.expect(412);
    stage.delete_user(&deputy.access, &carol).await.expect(204);

    stage.delete_user(&deputy.access, &carol).await.expect(404);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 204, 2), (Lost::Request, 503, 1)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("delete-user")));
        let (admin, bob) = stage.ada_and_bob().await;

        stage.delete_user(&admin.access, &bob).await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{lost:?} lost");
        stage.log_in(BOB).await.expect(if lost == Lost::Answer { 401 } else { 201 });
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let (admin, bob) = stage.ada_and_bob().await;
    stage.delete_user(&admin.access, &json!({"id": "x"})).await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    stage.delete_user(&admin.access, &bob).await.expect(204);

    assert_eq!(stage.round_trips_of("delete-user"), 2);
}
