//! Reactivating users, tested through the API.

use std::time::Duration;

use local::Request;
use serde_json::json;
use stage::{ADA, BOB, PASSWORD, Stage, Tokens, faults::Lost, subject};

const NEW: &str = "another horse, another battery";
const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn a_reactivated_user_logs_in_again_and_old_sessions_stay_ended() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    let before = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    stage.suspend(&admin.access, &bob).await.expect(200);

    let shown = stage.reactivate(&admin.access, &bob).await.expect(200);

    assert_eq!((&shown.body["status"], shown.header("etag")), (&json!("active"), "\"4\""));
    assert_eq!(stage.refresh(&before.refresh).await.expect(401).problem(), "invalid-token");
    assert_eq!(stage.events_of(&subject(&bob)).await[3..], ["user.reactivated"]);
    let detail = stage.stack.events().pop().expect("an event").detail;
    assert_eq!(detail["data"], json!({"stated_reason": "ticket 4711"}));
    assert_eq!(detail["actor"], format!("user:{}", admin.claims()["sub"].as_str().expect("an id")));
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!((&*mail.to[0], &*mail.subject), (BOB, "You can use your account with Gatepost again"));
    stage.log_in(BOB).await.expect(201);
    let counts = stage.get("/v1/user-counts", &admin.access).await.expect(200).body;
    assert_eq!((&counts["active"], &counts["suspended"]), (&json!(2), &json!(0)));
}

#[tokio::test]
async fn reactivating_an_active_user_has_no_event() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;

    let shown = stage.reactivate(&admin.access, &bob).await.expect(200);

    assert_eq!((&shown.body["status"], shown.header("etag")), (&json!("active"), "\"1\""));
    assert_eq!(stage.events_of(&subject(&bob)).await.len(), 1);
}

#[tokio::test]
async fn a_deletion_by_an_administrator_can_be_canceled_until_it_is_due() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let (bob, carol) = (stage.registered(BOB).await, stage.registered("carol@example.com").await);
    for user in [&bob, &carol] {
        stage.delete_user(&admin.access, user).await.expect(204);
    }

    stage.reactivate(&admin.access, &bob).await.expect(200);
    stage.pass(7 * DAY);
    let admin = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    stage.reactivate(&admin.access, &carol).await.expect(404);
    stage.pass(Duration::from_hours(1));
    stage.stack.run_schedule("erase-users").await.expect("a run");

    stage.log_in(BOB).await.expect(201);
    stage.log_in("carol@example.com").await.expect(401);
    assert_eq!(stage.events_of(&subject(&carol)).await.last().expect("events"), "user.erased");
}

#[tokio::test]
async fn canceling_a_deletion_first_restores_the_suspension() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.delete_user(&admin.access, &bob).await.expect(204);

    let kept = stage.reactivate(&admin.access, &bob).await.expect(200);

    assert_eq!(kept.body["status"], "suspended");
    stage.log_in(BOB).await.expect(403);
    let types = stage.events_of(&subject(&bob)).await;
    assert_eq!(types[1..], ["user.suspended", "user.deletion-requested", "user.deletion-canceled"]);
    let detail = stage.stack.events().pop().expect("an event").detail;
    assert_eq!(detail["data"], json!({"status": "suspended", "stated_reason": "ticket 4711"}));
    assert_eq!(detail["actor"], format!("user:{}", admin.claims()["sub"].as_str().expect("an id")));
    let counts = stage.get("/v1/user-counts", &admin.access).await.expect(200).body;
    assert_eq!((&counts["suspended"], &counts["deleting"]), (&json!(1), &json!(0)));

    stage.reactivate(&admin.access, &bob).await.expect(200);
    stage.log_in(BOB).await.expect(201);
}

#[tokio::test]
async fn an_earlier_reset_link_stays_revoked_and_an_invitation_does_not() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    let carol = stage.create_user(&admin.access, "carol@example.com").await.expect(201).body;
    let invitation = stage.link("carol@example.com").await;
    let before = stage.reset_link(BOB).await;
    for user in [&bob, &carol] {
        stage.suspend(&admin.access, user).await.expect(200);
        stage.reactivate(&admin.access, user).await.expect(200);
    }

    assert_eq!(stage.reset(&before, NEW).await.expect(400).problem(), "link-invalid");

    stage.reset(&invitation, NEW).await.expect(204);
    let again = stage.reset_link(BOB).await;
    stage.reset(&again, NEW).await.expect(204);
    stage.log_in_with(BOB, NEW).await.expect(201);
}

#[tokio::test]
async fn a_deletion_requested_by_the_user_stays_pending() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    let tokens = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&tokens.access)).await.expect(204);

    assert_eq!(stage.reactivate(&admin.access, &bob).await.expect(404).problem(), "not-found");

    assert_eq!(stage.events_of(&subject(&bob)).await.last().expect("events"), "user.deletion-requested");
}

#[tokio::test]
async fn a_returning_administrator_counts_again() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    stage.make_administrator(&bob).await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.reactivate(&admin.access, &bob).await.expect(200);

    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&admin.access)).await.expect(204);

    let second = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    let refused = stage.send(delete.bearer(&second.access)).await.expect(409);
    assert_eq!(refused.problem(), "last-administrator");
}

#[tokio::test]
async fn callers_cannot_reactivate_users_with_permissions_they_lack() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let carol = stage.registered("carol@example.com").await;
    stage.make_administrator(&carol).await;
    let (_, deputy) = stage.deputy(&admin, BOB, &["users:write"]).await;
    stage.suspend(&admin.access, &carol).await.expect(200);

    assert_eq!(stage.reactivate(&deputy.access, &carol).await.expect(403).problem(), "forbidden");
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 200, 3), (Lost::Request, 503, 2)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("reactivate-user")));
        let (admin, bob) = stage.ada_and_bob().await;
        stage.suspend(&admin.access, &bob).await.expect(200);

        stage.reactivate(&admin.access, &bob).await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{lost:?} lost");
    }
}

#[tokio::test]
async fn it_takes_three_round_trips_with_the_limit() {
    let stage = Stage::with(local::Setup::recording);
    let (admin, bob) = stage.ada_and_bob().await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.reactivate(&admin.access, &json!({"id": "x"})).await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    stage.reactivate(&admin.access, &bob).await.expect(200);

    assert_eq!(stage.round_trips_of("reactivate-user"), 3);
}
