//! Updating the profile, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use local::{
    Request, Setup,
    calls::{Call, Fate, round_trips},
};
use serde_json::{Value, json};
use stage::{Answer, Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const SCHEMA: &str = r#"{"plan": {"type": "string", "enum": ["free", "pro"], "write": "user"},
    "age": {"type": "integer", "minimum": 0, "write": "user"},
    "motto": {"type": "string", "maxLength": 1000, "write": "user"},
    "story": {"type": "string", "maxLength": 1000, "write": "user"},
    "saga": {"type": "string", "maxLength": 1000, "write": "user"}}"#;

fn declared(setup: Setup) -> Setup {
    setup.with_parameter("AttributesSchema", SCHEMA)
}

fn request(tokens: &Tokens, patch: &Value) -> Request {
    Request::new("PATCH", "/v1/me").json(patch).bearer(&tokens.access)
}

async fn patch(stage: &Stage, tokens: &Tokens, patch: Value) -> Answer {
    stage.send(request(tokens, &patch)).await
}

async fn patch_if(stage: &Stage, tokens: &Tokens, etag: &str, patch: Value) -> Answer {
    stage.send(request(tokens, &patch).header("if-match", etag)).await
}

/// Returns the data of the user's newest event.
async fn said(stage: &Stage) -> Value {
    stage.settle().await;
    stage.stack.events().pop().expect("an event").detail["data"].clone()
}

async fn subject(stage: &Stage, tokens: &Tokens) -> String {
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    format!("user#{}", me["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn named_fields_change_and_null_removes() {
    let stage = Stage::with(declared);
    let tokens = stage.signed_in(EMAIL).await;
    let all = json!({"first_name": " Ada ", "last_name": "L", "locale": "ca-es-VALENCIA", "attributes": {"plan": "pro", "age": 36.0}});
    patch(&stage, &tokens, all).await.expect(200);

    let rest = json!({"last_name": null, "attributes": {"plan": null, "motto": "onward"}});
    let changed = patch(&stage, &tokens, rest).await.expect(200);

    let me = stage.get("/v1/me", &tokens.access).await.expect(200);
    assert_eq!((&me.body, me.header("etag")), (&changed.body, changed.header("etag")));
    let shown = ["first_name", "last_name", "locale", "attributes"].map(|name| me.body[name].clone());
    let expected =
        [json!("Ada"), Value::Null, json!("ca-ES-valencia"), json!({"age": 36, "motto": "onward"})];
    assert_eq!(shown, expected);
    let event = json!({
        "changed": ["attributes.motto", "attributes.plan", "last_name"], "email": EMAIL, "first_name": "Ada",
        "locale": "ca-ES-valencia", "attributes": {"age": 36, "motto": "onward"},
    });
    assert_eq!(said(&stage).await, event);

    let none = patch(&stage, &tokens, json!({"attributes": null})).await.expect(200);
    assert_eq!(none.body["attributes"], json!({}));
}

#[tokio::test]
async fn an_update_without_changes_has_no_event() {
    let stage = Stage::with(declared);
    let tokens = stage.signed_in(EMAIL).await;
    let subject = subject(&stage, &tokens).await;
    let first = patch(&stage, &tokens, json!({"first_name": "Ada"})).await.expect(200);

    for same in [json!({}), json!({"first_name": "Ada", "last_name": null, "attributes": {"motto": null}})] {
        let answer = patch(&stage, &tokens, same).await.expect(200);
        assert_eq!((&answer.body, answer.header("etag")), (&first.body, first.header("etag")));
    }

    assert_eq!(stage.events_of(&subject).await, ["user.registered", "session.started", "user.updated"]);
}

#[tokio::test]
async fn with_ids_only_the_event_has_only_the_names_of_fields() {
    let stage = Stage::with(|setup| declared(setup).with_parameter("EventDetail", "ids"));
    let tokens = stage.signed_in(EMAIL).await;

    patch(&stage, &tokens, json!({"first_name": "Ada", "attributes": {"plan": "pro"}})).await.expect(200);

    assert_eq!(said(&stage).await, json!({"changed": ["attributes.plan", "first_name"]}));
}

#[tokio::test]
async fn all_unacceptable_fields_are_reported_together() {
    let stage = Stage::with(declared);
    let tokens = stage.signed_in(EMAIL).await;
    let wrong = json!({
        "first_name": "", "locale": "engl_ish",
        "attributes": {"plan": "gold", "age": -1, "undeclared": "x", "motto": "fine"},
    });

    let refused = patch(&stage, &tokens, wrong).await.expect(422);

    let errors = refused.body["errors"].as_array().expect("errors");
    let pointers: Vec<_> = errors.iter().map(|error| error["pointer"].as_str().expect("a pointer")).collect();
    assert_eq!(pointers, ["/first_name", "/locale", "/attributes/age", "/attributes/plan", "/attributes"]);
    assert!(!refused.body.to_string().contains("undeclared\""), "input is not reflected");
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    assert_eq!((&me["first_name"], &me["attributes"]), (&Value::Null, &json!({})));
}

#[tokio::test]
async fn attributes_have_a_limit_in_total() {
    let stage = Stage::with(declared);
    let tokens = stage.signed_in(EMAIL).await;
    let text = "é".repeat(1000);
    patch(&stage, &tokens, json!({"attributes": {"motto": text}})).await.expect(200);

    let refused = patch(&stage, &tokens, json!({"attributes": {"story": text, "saga": text}})).await;

    assert_eq!(refused.expect(422).body["errors"][0]["pointer"], "/attributes");
}

#[tokio::test]
async fn unknown_members_and_other_bodies_are_refused() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    for unacceptable in
        [json!({"email": "eve@example.com"}), json!({"roles": ["admin"]}), json!({"first_name": 1})]
    {
        assert_eq!(patch(&stage, &tokens, unacceptable).await.expect(422).problem(), "validation-failed");
    }
    patch(&stage, &tokens, json!([])).await.expect(400);
    stage.send(Request::new("PATCH", "/v1/me").json(&json!({}))).await.expect(401);
    let merge_patch = Request::new("PATCH", "/v1/me").header("content-type", "application/merge-patch+json");
    stage.send(merge_patch.body(r#"{"first_name": "Ada"}"#).bearer(&tokens.access)).await.expect(200);
}

#[tokio::test]
async fn an_update_for_another_version_changes_nothing() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let etag = stage.get("/v1/me", &tokens.access).await.expect(200).header("etag").to_owned();
    let newer = patch_if(&stage, &tokens, &etag, json!({"first_name": "Ada"})).await.expect(200);

    for stale in [&*etag, "\"99\"", "W/\"3\"", "3", "nonsense", "\"1\", \"2\""] {
        let refused = patch_if(&stage, &tokens, stale, json!({"first_name": "Eve"})).await.expect(412);
        assert_eq!(refused.problem(), "version-conflict", "{stale}");
    }

    let me = stage.get("/v1/me", &tokens.access).await.expect(200);
    assert_eq!((me.body["first_name"].as_str(), me.header("etag")), (Some("Ada"), newer.header("etag")));
    for (fitting, locale) in [(newer.header("etag"), "de"), ("*", "fr"), ("\"1\", \"5\"", "it")] {
        patch_if(&stage, &tokens, fitting, json!({"locale": locale})).await.expect(200);
    }
}

#[tokio::test]
async fn one_of_two_updates_of_the_same_version_succeeds() {
    let stage = Stage::with(stage::slowly);
    let tokens = stage.signed_in(EMAIL).await;
    let etag = stage.get("/v1/me", &tokens.access).await.expect(200).header("etag").to_owned();

    let (a, b) = tokio::join!(
        patch_if(&stage, &tokens, &etag, json!({"first_name": "Ada"})),
        patch_if(&stage, &tokens, &etag, json!({"first_name": "Eve"}))
    );

    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

#[tokio::test]
async fn two_updates_without_a_version_both_succeed() {
    let stage = Stage::with(stage::slowly);
    let tokens = stage.signed_in(EMAIL).await;

    let (a, b, c) = tokio::join!(
        patch(&stage, &tokens, json!({"first_name": "Ada"})),
        patch(&stage, &tokens, json!({"last_name": "L"})),
        stage.log_in(EMAIL)
    );

    assert_eq!((a.status, b.status, c.status), (200, 200, 201));
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    assert_eq!((me["first_name"].as_str(), me["last_name"].as_str()), (Some("Ada"), Some("L")));
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (fate, status, events) in [("answer", 200, 3), ("request", 503, 2)] {
        let lost = move |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
            ("update-profile", "TransactWriteItems") if fate == "answer" => Fate::AnswerLost,
            ("update-profile", "TransactWriteItems") => Fate::RequestLost,
            _ => Fate::Proceed,
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));
        let tokens = stage.signed_in(EMAIL).await;
        let subject = subject(&stage, &tokens).await;

        patch(&stage, &tokens, json!({"first_name": "Ada"})).await.expect(status);

        assert_eq!(stage.events_of(&subject).await.len(), events, "{fate} lost");
    }
}

#[tokio::test]
async fn an_attribute_that_is_no_longer_declared_is_left_to_administrators() {
    let folder = std::env::temp_dir().join(format!("gatepost-attributes-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let setup = local::Stack::folder(&folder);
    let tokens = {
        let stage = Stage::of(declared(setup.clone()));
        let tokens = stage.signed_in(EMAIL).await;
        patch(&stage, &tokens, json!({"attributes": {"plan": "pro"}})).await.expect(200);
        tokens
    };
    let stage = Stage::of(setup);

    for value in [json!("free"), Value::Null] {
        patch(&stage, &tokens, json!({"attributes": {"plan": value}})).await.expect(422);
    }
    let seen =
        patch(&stage, &tokens, json!({"first_name": "Ada", "attributes": null})).await.expect(200).body;
    assert_eq!(seen["attributes"], json!({}), "it may have been readable by administrators only");
    let admin = stage.administrator("root@example.net").await;
    let path = format!("/v1/users/{}", seen["id"].as_str().expect("an id"));
    let kept = stage.get(&path, &admin.access).await.expect(200).body;
    assert_eq!(kept["attributes"], json!({"plan": "pro"}));
    let removal = json!({"attributes": {"plan": null}, "reason": "not used"});
    let request = Request::new("PATCH", &path).json(&removal).bearer(&admin.access);
    let gone = stage.send(request).await.expect(200).body;
    assert_eq!(gone["attributes"], json!({}));
    drop(stage);
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

#[tokio::test]
async fn users_write_only_the_attributes_declared_as_theirs() {
    let schema = r#"{"plan": {"type": "string"}, "motto": {"type": "string", "write": "user"},
        "risk": {"type": "integer", "read": "admin"}}"#;
    let stage = Stage::with(|setup| setup.with_parameter("AttributesSchema", schema));
    let tokens = stage.signed_in(EMAIL).await;
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    let admin = stage.administrator("root@example.net").await;
    let path = format!("/v1/users/{}", me["id"].as_str().expect("an id"));
    let given = json!({"attributes": {"plan": "pro", "motto": "onward", "risk": 7}, "reason": "paid"});
    stage.send(Request::new("PATCH", &path).json(&given).bearer(&admin.access)).await.expect(200);

    for (value, pointer) in [
        (json!({"plan": "gold"}), "/attributes/plan"),
        (json!({"plan": null}), "/attributes/plan"),
        (json!({"risk": 0}), "/attributes"),
        (json!({"risk": null}), "/attributes"),
        (json!({"none": null}), "/attributes"),
    ] {
        let refused = patch(&stage, &tokens, json!({"attributes": value})).await.expect(422);
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{value}");
    }
    let own = patch(&stage, &tokens, json!({"attributes": null})).await.expect(200).body;

    assert_eq!(own["attributes"], json!({"plan": "pro"}));
    let all = stage.get(&path, &admin.access).await.expect(200).body;
    assert_eq!(all["attributes"], json!({"plan": "pro", "risk": 7}));
}

#[tokio::test]
async fn an_unusable_schema_is_refused_at_the_start() {
    let stage =
        Stage::with(|setup| setup.with_parameter("AttributesSchema", r#"{"plan": {"type": "object"}}"#));

    let failed = stage.stack.call("update-profile", json!({})).await.expect_err("no start");

    let said = failed.to_string();
    assert!(said.contains("ATTRIBUTES_SCHEMA must be a JSON object"), "{said}");
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    patch(&stage, &tokens, json!({})).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    patch(&stage, &tokens, json!({"first_name": "Ada"})).await.expect(200);

    assert_eq!(round_trips(&stage.stack.calls()), 2);
}
