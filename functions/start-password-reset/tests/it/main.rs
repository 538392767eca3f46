//! Sending a password reset link to a user, tested through the API.

use local::{Request, Setup};
use serde_json::{Value, json};
use stage::{Answer, PASSWORD, Stage, Tokens, faults::Lost, id, subject};

const ADMIN: &str = "root@example.net";
const EMAIL: &str = "ada@example.com";
const NEW: &str = "another horse, another battery";

fn path(user: &Value) -> String {
    format!("/v1/users/{}/password-reset", id(user))
}

async fn start(stage: &Stage, user: &Value, tokens: &Tokens) -> Answer {
    stage.post_as(&path(user), &tokens.access, json!({"reason": "ticket 4711"})).await
}

#[tokio::test]
async fn the_user_gets_the_usual_link_and_the_administrator_sees_none() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    let before = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);

    let started = start(&stage, &ada, &admin).await.expect(202);

    assert_eq!(started.body, json!({"status": "reset_sent"}));
    let link = stage.link(EMAIL).await;
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!((&*mail.subject, &*mail.to), ("Choose a new password for Gatepost", &[EMAIL.to_owned()][..]));
    assert!(mail.text.contains("30 minutes"), "{}", mail.text);
    stage.refresh(&before.refresh).await.expect(200);
    stage.log_in(EMAIL).await.expect(201);
    stage.reset(&link, NEW).await.expect(204);
    stage.refresh(&before.refresh).await.expect(401);
    stage.log_in_with(EMAIL, NEW).await.expect(201);
    let events = stage.events_of(&subject(&ada)).await;
    assert_eq!(events[2..4], ["user.password-reset-requested", "session.started"]);
    let events = stage.stack.events();
    let asked = events.iter().find(|event| event.detail_type == "user.password-reset-requested");
    let asked = &asked.expect("an event").detail;
    let root = stage.get("/v1/me", &admin.access).await.body;
    assert_eq!(asked["data"], json!({"stated_reason": "ticket 4711"}));
    assert_eq!(asked["actor"], format!("user:{}", id(&root)));
    assert!(!events.iter().any(|event| event.detail.to_string().contains(&link)));
}

#[tokio::test]
async fn a_user_with_a_pending_invitation_gets_a_new_one_that_replaces_it() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.create_user(&admin.access, EMAIL).await.expect(201).body;
    let first = stage.link(EMAIL).await;

    start(&stage, &ada, &admin).await.expect(202);

    let second = stage.link(EMAIL).await;
    assert_eq!(stage.stack.mail().pop().expect("a mail").subject, "You have an account with Gatepost");
    assert_eq!(stage.reset(&first, PASSWORD).await.expect(400).problem(), "link-invalid");
    stage.reset(&second, PASSWORD).await.expect(204);
    stage.log_in(EMAIL).await.expect(201);
    start(&stage, &ada, &admin).await.expect(202);
    stage.link(EMAIL).await;
    assert_eq!(stage.stack.mail().pop().expect("a mail").subject, "Choose a new password for Gatepost");
}

#[tokio::test]
async fn it_has_limits_that_anonymous_requests_do_not_use_up() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    while stage.post("/v1/password-resets", json!({"email": EMAIL})).await.status == 202 {}

    for _ in 0..5 {
        start(&stage, &ada, &admin).await.expect(202);
    }

    let refused = start(&stage, &ada, &admin).await.expect(429);
    assert_eq!((refused.problem(), refused.header("retry-after")), ("rate-limited", "60"));
    let bob = stage.registered("bob@example.com").await;
    start(&stage, &bob, &admin).await.expect(202);
}

#[tokio::test]
async fn an_active_user_and_a_reason_are_required() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let (ada, bob) = (stage.registered(EMAIL).await, stage.signed_in("bob@example.com").await);
    for body in [json!({}), json!({"reason": ""}), json!({"reason": "x", "password": NEW})] {
        stage.post_as(&path(&ada), &admin.access, body).await.expect(422);
    }
    let suspend = json!({
        "TableName": "Identities",
        "Key": {"pk": {"S": format!("USER#{}", id(&ada))}, "sk": {"S": "USER"}},
        "UpdateExpression": "SET #s = :s",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "suspended"}},
    });
    stage.stack.dynamodb("UpdateItem", &suspend).expect("suspended");
    assert_eq!(start(&stage, &ada, &admin).await.expect(409).problem(), "user-suspended");

    let himself = stage.get("/v1/me", &bob.access).await.body;
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&bob.access)).await.expect(204);
    for nobody in [himself, json!({"id": "019aa400-0000-7000-8000-000000000000"}), json!({"id": "nonsense"})]
    {
        assert_eq!(start(&stage, &nobody, &admin).await.expect(404).problem(), "not-found", "{nobody}");
    }
}

#[tokio::test]
async fn callers_cannot_reset_users_with_permissions_they_lack() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    let root = stage.get("/v1/me", &admin.access).await.body;
    let (bob, deputy) = stage.deputy(&admin, "bob@example.com", &["users:write"]).await;

    assert_eq!(start(&stage, &root, &deputy).await.expect(403).problem(), "forbidden");
    start(&stage, &ada, &deputy).await.expect(202);

    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
    assert_eq!(start(&stage, &ada, &deputy).await.expect(403).problem(), "forbidden");
    let (_, reader) = stage.deputy(&admin, "eve@example.com", &["users:read"]).await;
    assert_eq!(start(&stage, &ada, &reader).await.expect(403).problem(), "forbidden");
    stage.send(Request::post(&path(&ada), &json!({"reason": "x"}))).await.expect(401);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, mails) in [(Lost::Answer, 202, 3), (Lost::Request, 503, 2)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("start-password-reset")));
        let admin = stage.administrator(ADMIN).await;
        let ada = stage.registered(EMAIL).await;

        start(&stage, &ada, &admin).await.expect(status);

        stage.settle().await;
        assert_eq!(stage.stack.mail().len(), mails, "{lost:?} lost");
    }
}

#[tokio::test]
async fn it_takes_three_round_trips() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    start(&stage, &ada, &admin).await.expect(202);
    stage.settle().await;
    stage.forget_calls();

    start(&stage, &ada, &admin).await.expect(202);

    assert_eq!(stage.round_trips_of("start-password-reset"), 3);
}
