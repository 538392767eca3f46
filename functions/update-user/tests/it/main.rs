//! Updating a user, tested through the API.

mod hidden;

use std::time::Duration;

use local::{Request, Setup};
use serde_json::{Value, json};
use stage::{Answer, PASSWORD, Stage, Tokens, faults::Lost, id, subject};

const ADMIN: &str = "root@example.net";
const EMAIL: &str = "ada@example.com";
const SCHEMA: &str = r#"{"plan": {"type": "string", "enum": ["free", "pro"]}}"#;

fn request(user: &Value, tokens: &Tokens, wanted: &Value) -> Request {
    let path = format!("/v1/users/{}", id(user));
    Request::new("PATCH", &path).json(wanted).bearer(&tokens.access)
}

async fn patch(stage: &Stage, user: &Value, tokens: &Tokens, wanted: Value) -> Answer {
    stage.send(request(user, tokens, &wanted)).await
}

#[tokio::test]
async fn named_fields_change_and_the_user_sees_actor_and_reason() {
    let stage = Stage::with(|setup| setup.with_parameter("AttributesSchema", SCHEMA));
    let admin = stage.administrator(ADMIN).await;
    let named = json!({"email": EMAIL, "password": PASSWORD, "first_name": "Ada", "last_name": "L"});
    let registered = stage.post("/v1/registrations", named).await.expect(202);
    let link = stage.link(EMAIL).await;
    let ada = stage.verify_registered(&link, &registered).await.expect(201).body;
    let change =
        json!({"last_name": null, "locale": "en-gb", "attributes": {"plan": "pro"}, "reason": "she asked"});

    let changed = patch(&stage, &ada, &admin, change).await.expect(200);

    let herself = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let me = stage.get("/v1/me", &herself.access).await.expect(200);
    assert_eq!(me.body, changed.body);
    let shown = ["first_name", "last_name", "locale", "attributes"].map(|name| me.body[name].clone());
    assert_eq!(shown, [json!("Ada"), Value::Null, json!("en-GB"), json!({"plan": "pro"})]);
    let history = stage.get("/v1/me/events", &herself.access).await.expect(200).body;
    let root = stage.get("/v1/me", &admin.access).await.body;
    let event = &history["items"][1];
    assert_eq!(
        (&event["type"], &event["data"]["stated_reason"]),
        (&json!("user.updated"), &json!("she asked"))
    );
    assert_eq!(event["actor"], format!("user:{}", id(&root)));
    assert_eq!(event["data"]["changed"], json!(["attributes.plan", "last_name", "locale"]));
}

#[tokio::test]
async fn unchanged_and_outdated_updates_have_no_event() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    let first = patch(&stage, &ada, &admin, json!({"first_name": "Ada", "reason": "x"})).await.expect(200);

    let same = patch(&stage, &ada, &admin, json!({"first_name": "Ada", "reason": "x"})).await.expect(200);
    assert_eq!((&same.body, same.header("etag")), (&first.body, first.header("etag")));
    assert_eq!(stage.events_of(&subject(&ada)).await, ["user.registered", "user.updated"]);

    let other = request(&ada, &admin, &json!({"first_name": "Eve", "reason": "x"}));
    let refused = stage.send(other.clone().header("if-match", "\"1\"")).await.expect(412);
    assert_eq!(refused.problem(), "version-conflict");
    stage.send(other.header("if-match", first.header("etag"))).await.expect(200);
}

#[tokio::test]
async fn a_user_a_reason_and_permitted_fields_are_required() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.signed_in(EMAIL).await;
    let herself = stage.get("/v1/me", &ada.access).await.body;
    for wrong in [
        json!({"first_name": "Ada"}),
        json!({"first_name": "Ada", "reason": ""}),
        json!({"first_name": "", "reason": "x"}),
        json!({"attributes": {"plan": "pro"}, "reason": "x"}),
        json!({"email": "eve@example.com", "reason": "x"}),
        json!({"status": "suspended", "reason": "x"}),
        json!({"roles": ["admin"], "reason": "x"}),
    ] {
        let refused = patch(&stage, &herself, &admin, wrong.clone()).await.expect(422);
        assert_eq!(refused.problem(), "validation-failed", "{wrong}");
    }
    stage.delete_account(&ada.access).await.expect(204);
    // A user with a pending deletion of their own can be changed; a user deleted by an administrator cannot.
    patch(&stage, &herself, &admin, json!({"first_name": "Ada", "reason": "x"})).await.expect(200);
    stage.delete_user(&admin.access, &herself).await.expect(204);
    for nobody in [herself, json!({"id": "019aa400-0000-7000-8000-000000000000"}), json!({"id": "nonsense"})]
    {
        let refused = patch(&stage, &nobody, &admin, json!({"first_name": "Ada", "reason": "x"})).await;
        assert_eq!(refused.expect(404).problem(), "not-found", "{nobody}");
    }
}

#[tokio::test]
async fn callers_cannot_change_users_with_permissions_they_lack() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    let root = stage.get("/v1/me", &admin.access).await.body;
    let (bob, deputy) = stage.deputy(&admin, "bob@example.com", &["users:write"]).await;
    let change = || json!({"first_name": "X", "reason": "x"});

    assert_eq!(patch(&stage, &root, &deputy, change()).await.expect(403).problem(), "forbidden");
    patch(&stage, &ada, &deputy, change()).await.expect(200);
    patch(&stage, &bob, &deputy, change()).await.expect(200);

    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
    assert_eq!(patch(&stage, &ada, &deputy, change()).await.expect(403).problem(), "forbidden");
    let (_, reader) = stage.deputy(&admin, "eve@example.com", &["users:read"]).await;
    assert_eq!(patch(&stage, &ada, &reader, change()).await.expect(403).problem(), "forbidden");
    let path = format!("/v1/users/{}", id(&ada));
    stage.send(Request::new("PATCH", &path).json(&change())).await.expect(401);
}

#[tokio::test]
async fn two_concurrent_changes_are_both_applied() {
    let stage = Stage::with(stage::slowly);
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.signed_in(EMAIL).await;
    let herself = stage.get("/v1/me", &ada.access).await.body;
    let own = Request::new("PATCH", "/v1/me").json(&json!({"last_name": "Lovelace"})).bearer(&ada.access);

    let (one, other) = tokio::join!(
        patch(&stage, &herself, &admin, json!({"first_name": "Augusta", "reason": "x"})),
        stage.send(own)
    );

    assert_eq!([one.status, other.status], [200; 2]);
    let me = stage.get("/v1/me", &ada.access).await.body;
    assert_eq!((&me["first_name"], &me["last_name"]), (&json!("Augusta"), &json!("Lovelace")));
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 200, 2), (Lost::Request, 503, 1)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("update-user")));
        let admin = stage.administrator(ADMIN).await;
        let ada = stage.registered(EMAIL).await;

        patch(&stage, &ada, &admin, json!({"first_name": "Ada", "reason": "x"})).await.expect(status);

        assert_eq!(stage.events_of(&subject(&ada)).await.len(), events, "{lost:?} lost");
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    let ada = stage.registered(EMAIL).await;
    patch(&stage, &json!({"id": "x"}), &admin, json!({"reason": "x"})).await.expect(404);
    stage.pass(Duration::from_mins(1));
    stage.settle().await;
    stage.forget_calls();

    patch(&stage, &ada, &admin, json!({"first_name": "Ada", "reason": "x"})).await.expect(200);

    assert_eq!(stage.round_trips_of("update-user"), 2);
}
