//! Suspending users, tested through the API.

mod leaving;
mod others;

use local::Request;
use serde_json::{Value, json};
use stage::{
    Answer, BOB, PASSWORD, Stage, Tokens,
    faults::{Late, Lost},
    id, subject,
};

const WRONG: &str = "not the password at all";

/// Creates an administrator, and a user with a session.
async fn both(stage: &Stage) -> (Tokens, Value, Tokens) {
    let (admin, bob) = stage.ada_and_bob().await;
    let here = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    (admin, bob, here)
}

/// Returns status, problem and body of a response, without the parts that differ for each request.
fn said(mut answer: Answer) -> (u16, String, Value) {
    answer.body["correlation_id"] = Value::Null;
    (answer.status, answer.header("www-authenticate").to_owned(), answer.body)
}

#[tokio::test]
async fn suspending_ends_every_session_immediately() {
    let stage = Stage::new();
    let (admin, bob, here) = both(&stage).await;
    let there = Tokens::of(&stage.log_in(BOB).await.expect(201).body);

    let shown = stage.suspend(&admin.access, &bob).await.expect(200);

    assert_eq!((&shown.body["id"], &shown.body["status"]), (&bob["id"], &json!("suspended")));
    assert_eq!(shown.header("etag"), "\"4\"");
    for ended in [&here, &there] {
        assert_eq!(stage.refresh(&ended.refresh).await.expect(401).problem(), "invalid-token");
    }
    for path in ["/v1/me", "/v1/me/sessions", "/v1/me/events", "/v1/me/export"] {
        assert_eq!(stage.get(path, &here.access).await.expect(401).problem(), "invalid-token", "{path}");
    }
    let subject = format!("user#{}", id(&bob));
    assert_eq!(stage.events_of(&subject).await[3..], ["user.suspended"]);
    let detail = stage.stack.events().pop().expect("an event").detail;
    assert_eq!(detail["data"], json!({"stated_reason": "ticket 4711"}));
    let ada = &admin.claims()["sub"];
    assert_eq!(detail["actor"], format!("user:{}", ada.as_str().expect("an id")));
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!((&*mail.to[0], &*mail.subject), (BOB, "Your account with Gatepost was suspended"));
}

#[tokio::test]
async fn the_suspension_is_revealed_only_with_the_right_password() {
    let stage = Stage::new();
    let (admin, bob, _) = both(&stage).await;
    stage.suspend(&admin.access, &bob).await.expect(200);

    let guessed = said(stage.log_in_with(BOB, WRONG).await);
    let unknown = said(stage.log_in_with("carol@example.com", WRONG).await);
    let proven = stage.log_in(BOB).await.expect(403);

    assert_eq!((guessed.0, &guessed), (401, &unknown));
    assert_eq!(proven.problem(), "account-suspended");
    assert_eq!(stage.events_of(&subject(&bob)).await.len(), 3, "nothing has happened");
}

#[tokio::test]
async fn a_suspended_user_cannot_lift_the_suspension() {
    let stage = Stage::new();
    let (admin, bob, here) = both(&stage).await;
    let reset = stage.reset_link(BOB).await;
    let email = stage.email_link(&here.access, "bob@example.org").await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    let version = stage.events_of(&subject(&bob)).await.len();
    let mails = stage.stack.mail().len();

    stage.post("/v1/password-resets", json!({"email": BOB})).await.expect(202);
    stage.reset(&reset, "another horse, another battery").await.expect(400);
    stage.verify_email(&here.access, &email).await.expect(401);
    stage.change_password(&here.access, "another horse, another battery").await.expect(401);
    stage.ask_for_email(&here.access, "bob@example.net").await.expect(401);
    let as_bob = |method, path: &str| Request::new(method, path).bearer(&here.access);
    stage.send(as_bob("PATCH", "/v1/me").json(&json!({"first_name": "Bob"}))).await.expect(401);
    stage.send(as_bob("DELETE", "/v1/me").json(&json!({"password": PASSWORD}))).await.expect(401);
    stage.send(as_bob("DELETE", "/v1/me/sessions")).await.expect(401);
    stage.log_out(&here.access).await.expect(401);
    stage.register(BOB).await.expect(202);
    stage.settle().await;
    let told = stage.stack.mail().pop().expect("a mail");

    assert_eq!((&*told.subject, told.links.len()), ("You already have an account with Gatepost", 0));
    stage.log_in(BOB).await.expect(403);
    assert_eq!(stage.events_of(&subject(&bob)).await.len(), version, "nothing has happened");
    assert_eq!(stage.stack.mail().len(), mails + 1, "only the notice about the account, no reset link");
}

#[tokio::test]
async fn suspended_users_are_found_and_counted() {
    let stage = Stage::new();
    let (admin, bob, _) = both(&stage).await;
    // The user is counted as active first, so that the suspension changes the count.
    stage.settle().await;

    stage.suspend(&admin.access, &bob).await.expect(200);

    stage.settle().await;
    let found = |status: &str| format!("/v1/users?status={status}");
    let suspended = stage.get(&found("suspended"), &admin.access).await.expect(200).body;
    assert_eq!(suspended["items"].as_array().expect("a list").len(), 1);
    assert_eq!(suspended["items"][0]["id"], bob["id"]);
    let active = stage.get(&found("active"), &admin.access).await.expect(200).body;
    assert_eq!(active["items"].as_array().expect("a list").len(), 1);
    let counts = stage.get("/v1/user-counts", &admin.access).await.expect(200).body;
    assert_eq!((&counts["active"], &counts["suspended"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn a_concurrent_log_in_is_ended_too() {
    let late = Late::default();
    let start = late.holding(|call| call.function == "log-in" && call.operation == "TransactWriteItems");
    let stage = Stage::with(move |setup| setup.watched_by(start));
    let (admin, bob, _) = both(&stage).await;

    late.expect();
    let (log_in, ()) = tokio::join!(stage.log_in(BOB), async {
        late.has_come().await;
        stage.suspend(&admin.access, &bob).await.expect(200);
        late.go_on();
    });

    assert_eq!(log_in.expect(403).problem(), "account-suspended");
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 200, 3), (Lost::Request, 503, 2)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("suspend-user")));
        let (admin, bob, here) = both(&stage).await;

        stage.suspend(&admin.access, &bob).await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{lost:?} lost");
        stage.refresh(&here.refresh).await.expect(if lost == Lost::Answer { 401 } else { 200 });
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let (admin, bob, _) = both(&stage).await;
    stage.suspend(&admin.access, &json!({"id": "x"})).await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    stage.suspend(&admin.access, &bob).await.expect(200);

    assert_eq!(stage.round_trips_of("suspend-user"), 2);
}
