//! Ending the sessions of another user, tested through the API.

use serde_json::json;
use stage::{
    ADA, BOB, Stage, Tokens,
    faults::{Late, Lost},
    subject,
};

async fn log_in(stage: &Stage) -> Tokens {
    Tokens::of(&stage.log_in(BOB).await.expect(201).body)
}

#[tokio::test]
async fn every_session_ends_and_the_user_can_log_in_again() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    let sessions = [log_in(&stage).await, log_in(&stage).await];

    stage.end_sessions(&admin.access, &bob).await.expect(204);

    for ended in &sessions {
        assert_eq!(stage.refresh(&ended.refresh).await.expect(401).problem(), "invalid-token");
    }
    assert_eq!(stage.events_of(&subject(&bob)).await[3..], ["user.signed-out"]);
    let detail = stage.stack.events().pop().expect("an event").detail;
    assert_eq!(detail["data"], json!({"stated_reason": "ticket 4711"}));
    assert_eq!(detail["actor"], format!("user:{}", admin.claims()["sub"].as_str().expect("an id")));
    let back = log_in(&stage).await;
    let listed = stage.get("/v1/me/sessions", &back.access).await.expect(200).body;
    assert_eq!(listed["items"].as_array().expect("a list").len(), 1);
    stage.refresh(&admin.refresh).await.expect(200);
}

#[tokio::test]
async fn a_user_with_a_pending_deletion_can_be_signed_out() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.leaving(BOB).await;

    stage.end_sessions(&admin.access, &bob).await.expect(204);

    assert_eq!(stage.events_of(&subject(&bob)).await[2..], ["user.deletion-requested", "user.signed-out"]);
    stage.log_in(BOB).await.expect(201);
}

#[tokio::test]
async fn a_concurrently_refreshed_session_ends_too() {
    let late = Late::default();
    let commit =
        late.holding(|call| call.function == "end-user-sessions" && call.operation == "TransactWriteItems");
    let stage = Stage::with(move |setup| setup.watched_by(commit));
    let (admin, bob) = stage.ada_and_bob().await;
    let tokens = log_in(&stage).await;

    late.expect();
    let (ended, refreshed) = tokio::join!(stage.end_sessions(&admin.access, &bob), async {
        late.has_come().await;
        let refreshed = Tokens::of(&stage.refresh(&tokens.refresh).await.expect(200).body);
        late.go_on();
        refreshed
    });

    ended.expect(204);
    stage.refresh(&refreshed.refresh).await.expect(401);
}

#[tokio::test]
async fn the_permission_and_those_of_the_user_are_required() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let carol = stage.registered("carol@example.com").await;
    let eve = stage.registered("eve@example.com").await;
    stage.make_administrator(&eve).await;
    let (bob, deputy) = stage.deputy(&admin, BOB, &["users:write"]).await;
    let of_carol = Tokens::of(&stage.log_in("carol@example.com").await.expect(201).body);

    stage.end_sessions(&of_carol.access, &bob).await.expect(403);
    assert_eq!(stage.end_sessions(&deputy.access, &eve).await.expect(403).problem(), "forbidden");
    stage.end_sessions(&deputy.access, &json!({"id": "x"})).await.expect(404);
    stage.end_sessions(&deputy.access, &carol).await.expect(204);

    stage.refresh(&of_carol.refresh).await.expect(401);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 204, 2), (Lost::Request, 503, 1)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("end-user-sessions")));
        let (admin, bob) = stage.ada_and_bob().await;

        stage.end_sessions(&admin.access, &bob).await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{lost:?} lost");
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let (admin, bob) = stage.ada_and_bob().await;
    stage.end_sessions(&admin.access, &json!({"id": "x"})).await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    stage.end_sessions(&admin.access, &bob).await.expect(204);

    assert_eq!(stage.round_trips_of("end-user-sessions"), 2);
}
