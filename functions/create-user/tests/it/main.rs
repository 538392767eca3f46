//! Creating users, tested through the API.

mod invitations;

use std::time::Duration;

use futures_util::future::join_all;
use local::{Request, Setup, calls::Fate};
use serde_json::{Value, json};
use stage::{
    Answer, Stage, Tokens,
    faults::{Late, Outage},
    id, subject,
};

const ADMIN: &str = "root@example.net";
const EMAIL: &str = "ada@example.com";

async fn create(stage: &Stage, tokens: &Tokens, body: Value) -> Answer {
    stage.post_as("/v1/users", &tokens.access, body).await
}

async fn with_roles(stage: &Stage, tokens: &Tokens, email: &str, roles: &[&str]) -> Answer {
    create(stage, tokens, json!({"email": email, "roles": roles, "reason": "ticket 4711"})).await
}

#[tokio::test]
async fn the_user_is_created_as_requested_and_the_event_has_actor_and_reason() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let named = json!({"email": "Ada@Example.com", "first_name": " Ada ", "last_name": "L", "locale": "en-gb", "reason": "new"});

    let made = create(&stage, &admin, named).await.expect(201);

    let shown = stage.get(made.header("location"), &admin.access).await.expect(200);
    assert_eq!((&shown.body, shown.header("etag")), (&made.body, made.header("etag")));
    let parts =
        ["email", "first_name", "last_name", "locale", "status", "roles"].map(|name| made.body[name].clone());
    assert_eq!(
        parts,
        [json!("Ada@Example.com"), json!("Ada"), json!("L"), json!("en-GB"), json!("active"), json!([])]
    );
    assert_eq!(stage.events_of(&subject(&made.body)).await, ["user.created"]);
    let events = stage.stack.events().into_iter();
    let created = events.rev().find(|event| event.detail_type == "user.created");
    let detail = created.expect("an event").detail;
    let data = json!({
        "user_id": made.body["id"], "roles": [], "stated_reason": "new", "email": "Ada@Example.com",
        "first_name": "Ada", "last_name": "L", "locale": "en-GB",
    });
    assert_eq!(detail["data"], data);
    let root = stage.get("/v1/me", &admin.access).await.body;
    assert_eq!(detail["actor"], format!("user:{}", id(&root)));
}

#[tokio::test]
async fn an_address_with_an_account_is_taken_and_a_registered_one_is_not() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.registered(EMAIL).await;
    stage.register("bob@example.com").await.expect(202);
    let wanted = stage.link("bob@example.com").await;
    let events = stage.stack.events().len();

    for taken in [EMAIL, "ADA@example.com", ADMIN] {
        assert_eq!(
            stage.create_user(&admin.access, taken).await.expect(409).problem(),
            "email-taken",
            "{taken}"
        );
    }
    stage.settle().await;
    assert_eq!(stage.stack.events().len(), events);

    stage.create_user(&admin.access, "bob@example.com").await.expect(201);
    let late = stage.verify(&wanted).await;
    assert_eq!(late.expect(400).problem(), "link-invalid");
    stage.create_user(&admin.access, "bob@example.com").await.expect(409);
}

#[tokio::test]
async fn roles_can_be_assigned_on_creation() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(200);

    let made = with_roles(&stage, &admin, EMAIL, &["editor", "admin", "editor"]).await.expect(201);

    assert_eq!(made.body["roles"], json!(["admin", "editor"]));
    let found = stage.get("/v1/users?role=editor", &admin.access).await.expect(200).body;
    assert_eq!(found["items"], json!([made.body]));
    let link = stage.link(EMAIL).await;
    stage.reset(&link, stage::PASSWORD).await.expect(204);
    // Log-in caches the roles for a minute.
    stage.pass(Duration::from_mins(1));
    let ada = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    assert!(ada.claims()["scope"].as_str().expect("a scope").contains("orders:refund"));
    // With two administrators, one can leave.
    let root = stage.get("/v1/me", &admin.access).await.body;
    stage.revoke_role(&ada.access, &root, "admin").await.expect(204);
    let last = stage.revoke_role(&ada.access, &made.body, "admin").await;
    assert_eq!(last.expect(409).problem(), "last-administrator");
}

#[tokio::test]
async fn callers_cannot_assign_roles_that_they_may_not_grant() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.put_role(&admin.access, "reader", &["orders:read"]).await.expect(200);
    let (_, deputy) = stage.deputy(&admin, "bob@example.com", &["users:write", "orders:read"]).await;

    assert_eq!(with_roles(&stage, &deputy, EMAIL, &["reader"]).await.expect(403).problem(), "forbidden");

    let (_, deputy) =
        stage.deputy(&admin, "eve@example.com", &["users:write", "roles:write", "orders:read"]).await;
    for beyond in ["admin", "editor"] {
        stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(200);
        let refused = with_roles(&stage, &deputy, EMAIL, &["reader", beyond]).await.expect(403);
        assert_eq!(refused.problem(), "forbidden", "{beyond}");
    }
    with_roles(&stage, &deputy, EMAIL, &["reader"]).await.expect(201);
}

#[tokio::test]
async fn all_invalid_fields_are_reported_together() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let wrong =
        json!({"email": "x", "first_name": "", "locale": "?", "roles": ["editor", "No Role"], "reason": ""});

    let refused = create(&stage, &admin, wrong).await.expect(422);

    let errors = refused.body["errors"].as_array().expect("errors");
    let mut pointers: Vec<_> =
        errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/email", "/first_name", "/locale", "/reason", "/roles/1"]);
    let many: Vec<_> = (0..21).map(|number| format!("role{number}")).collect();
    for roles in [json!(many), json!(["nowhere"])] {
        let refused = create(&stage, &admin, json!({"email": EMAIL, "roles": roles, "reason": "x"})).await;
        assert_eq!(refused.expect(422).body["errors"][0]["pointer"], "/roles", "{roles}");
    }
    for password in ["password", "status", "attributes"] {
        let body = json!({"email": EMAIL, "reason": "x", password: "correct horse battery"});
        create(&stage, &admin, body).await.expect(422);
    }
}

#[tokio::test]
async fn the_current_permission_is_required() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let (_, reader) = stage.deputy(&admin, "bob@example.com", &["users:read"]).await;
    assert_eq!(stage.create_user(&reader.access, EMAIL).await.expect(403).problem(), "forbidden");
    let body = json!({"email": EMAIL, "reason": "x"});
    stage.send(Request::post("/v1/users", &body)).await.expect(401);

    let (eve, deputy) = stage.deputy(&admin, "eve@example.com", &["users:write"]).await;
    stage.create_user(&deputy.access, "one@example.com").await.expect(201);
    stage.revoke_role(&admin.access, &eve, "deputy").await.expect(204);
    assert_eq!(stage.create_user(&deputy.access, EMAIL).await.expect(403).problem(), "forbidden");
    stage.log_out(&deputy.access).await.expect(204);
    assert_eq!(stage.create_user(&deputy.access, EMAIL).await.expect(401).problem(), "invalid-token");
}

#[tokio::test]
async fn a_permission_lost_before_the_commit_prevents_it() {
    let late = Late::default();
    let commits =
        |call: &local::calls::Call| call.function == "create-user" && call.operation == "TransactWriteItems";
    let stage = Stage::with(|setup| setup.watched_by(late.holding(commits)));
    let admin = stage.administrator(ADMIN).await;
    let (bob, deputy) = stage.deputy(&admin, "bob@example.com", &["users:write"]).await;
    late.expect();

    let revoking = async {
        late.has_come().await;
        stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
        late.go_on();
    };
    let (made, ()) = tokio::join!(stage.create_user(&deputy.access, EMAIL), revoking);

    assert_eq!(made.expect(403).problem(), "forbidden");
    stage.create_user(&admin.access, EMAIL).await.expect(201);
}

#[tokio::test]
async fn one_of_many_concurrent_requests_for_an_address_succeeds() {
    let stage = Stage::with(stage::slowly);
    let admin = stage.administrator(ADMIN).await;

    let answers = join_all((0..5).map(|_| stage.create_user(&admin.access, EMAIL))).await;

    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409]);
}

/// Loses the request or the response of each call in turn.
#[tokio::test]
async fn a_lost_call_creates_the_user_at_most_once() {
    let fates: [fn() -> Fate; 2] = [|| Fate::RequestLost, || Fate::AnswerLost];
    let cases = fates.into_iter().flat_map(|fate| (0..8).map(move |lost| lose(lost, fate)));
    let again = join_all(cases).await;
    assert!(again.contains(&Some(409)), "the user was created without a response: {again:?}");
    assert!(again.contains(&Some(201)), "the user was not created: {again:?}");
}

/// Returns the status of a retry, if the first response was 503.
async fn lose(lost: usize, fate: fn() -> Fate) -> Option<u16> {
    let (outage, watcher) = Outage::after(lost, "create-user", fate);
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let admin = stage.administrator(ADMIN).await;

    outage.begin();
    let answer = stage.create_user(&admin.access, EMAIL).await;
    outage.end();

    assert!([201, 503].contains(&answer.status), "{lost}: {}", answer.body);
    let mut again = None;
    if answer.status == 503 {
        again = Some(stage.create_user(&admin.access, EMAIL).await.status);
    }
    stage.settle().await;
    let made = stage.stack.events().into_iter().filter(|event| event.detail_type == "user.created");
    assert_eq!((made.count(), stage.stack.mail().len()), (1, 2), "{lost}: the administrator's mail, and one");
    again
}

#[tokio::test]
async fn it_takes_three_round_trips() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    stage.create_user(&admin.access, "first@example.com").await.expect(201);
    stage.settle().await;
    stage.forget_calls();

    stage.create_user(&admin.access, EMAIL).await.expect(201);

    assert_eq!(stage.round_trips_of("create-user"), 3);
}
