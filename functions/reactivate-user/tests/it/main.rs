//! Letting users sign in again, seen from outside.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{
    Request,
    calls::{Call, Fate, round_trips},
};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const DAY: Duration = Duration::from_hours(24);

fn subject(user: &Value) -> String {
    format!("user#{}", user["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn who_was_suspended_logs_in_again_and_the_old_sessions_stay_ended() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.registered(BOB).await;
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
async fn who_is_active_stays_so_without_an_event() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.registered(BOB).await;

    let shown = stage.reactivate(&admin.access, &bob).await.expect(200);

    assert_eq!((&shown.body["status"], shown.header("etag")), (&json!("active"), "\"1\""));
    assert_eq!(stage.events_of(&subject(&bob)).await.len(), 1);
}

#[tokio::test]
async fn who_was_deleted_by_an_administrator_can_be_brought_back_until_they_are_due() {
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
async fn who_wants_to_be_erased_themselves_is_not_kept() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.registered(BOB).await;
    let tokens = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&tokens.access)).await.expect(204);

    assert_eq!(stage.reactivate(&admin.access, &bob).await.expect(404).problem(), "not-found");

    assert_eq!(stage.events_of(&subject(&bob)).await.last().expect("events"), "user.deletion-requested");
}

#[tokio::test]
async fn an_administrator_who_comes_back_counts_again() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.registered(BOB).await;
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
async fn nobody_reactivates_who_may_do_more_than_they() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let carol = stage.registered("carol@example.com").await;
    stage.make_administrator(&carol).await;
    let (_, deputy) = stage.deputy(&admin, BOB, &["users:write"]).await;
    stage.suspend(&admin.access, &carol).await.expect(200);

    assert_eq!(stage.reactivate(&deputy.access, &carol).await.expect(403).problem(), "forbidden");
}

#[tokio::test]
async fn a_commit_whose_answer_or_request_is_lost_counts_once_or_not_at_all() {
    for (fate, status, events) in [("answer", 200, 3), ("request", 503, 2)] {
        let lost = move |call: &Call| match fate {
            _ if call.function != "reactivate-user" || call.operation != "TransactWriteItems" => {
                Fate::Proceed
            }
            "answer" => Fate::AnswerLost,
            _ => Fate::RequestLost,
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));
        let admin = stage.administrator(ADA).await;
        let bob = stage.registered(BOB).await;
        stage.suspend(&admin.access, &bob).await.expect(200);

        stage.reactivate(&admin.access, &bob).await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{fate} lost");
    }
}

#[tokio::test]
async fn it_is_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let admin = stage.administrator(ADA).await;
    let bob = stage.registered(BOB).await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.reactivate(&admin.access, &json!({"id": "x"})).await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    stage.reactivate(&admin.access, &bob).await.expect(200);

    let calls = stage.stack.calls();
    let mine: Vec<_> = calls.into_iter().filter(|made| made.call.function == "reactivate-user").collect();
    assert_eq!(round_trips(&mine), 2);
}
