//! Published events match the committed schemas.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use boon::{Compiler, SchemaIndex, Schemas};
use local::calls::Fate;
use serde_json::{Value, json};
use stage::{
    PASSWORD, Stage, Tokens,
    applications::{Browser, forum, shop},
};

/// The committed schemas by the URN in an event's `dataschema`.
#[derive(Default)]
struct Committed {
    schemas: Schemas,
    by_urn: Vec<(String, SchemaIndex)>,
}

impl Committed {
    fn read() -> Self {
        let mut committed = Self::default();
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../schemas/events"));
        for file in fs::read_dir(folder).expect("schemas") {
            let text = fs::read_to_string(file.expect("a file").path()).expect("a schema");
            let schema: Value = serde_json::from_str(&text).expect("JSON");
            let urn = schema["$id"].as_str().expect("an id").to_owned();
            let mut compiler = Compiler::new();
            compiler.enable_format_assertions();
            compiler.add_resource(&urn, schema).expect("a schema");
            let index = compiler.compile(&urn, &mut committed.schemas).expect("a schema of 2020-12");
            committed.by_urn.push((urn, index));
        }
        committed
    }

    /// Returns the newest version of each type. Only these are published.
    fn newest(&self) -> BTreeSet<String> {
        let mut newest = BTreeMap::<&str, u32>::new();
        for (kind, version) in self.by_urn.iter().filter_map(|(urn, _)| urn.rsplit_once(':')) {
            let known = newest.entry(kind).or_default();
            *known = version.parse::<u32>().expect("a version").max(*known);
        }
        newest.into_iter().map(|(kind, version)| format!("{kind}:{version}")).collect()
    }

    /// Returns the defects of an event by its schema.
    fn faults(&self, detail: &Value) -> Option<String> {
        let urn = detail["dataschema"].as_str().expect("a schema is named");
        let (_, schema) = self.by_urn.iter().find(|(known, _)| known == urn).expect("a committed schema");
        self.schemas.validate(detail, *schema).err().map(|error| error.to_string())
    }
}

/// Runs every action that publishes an event. Returns the published events.
async fn published(detail: &str) -> Vec<Value> {
    let stage = Stage::with(|setup| {
        setup
            .with_parameter("EventDetail", detail)
            .with_parameter("AttributesSchema", r#"{"plan": {"type": "string", "write": "user"}}"#)
            // The usual password is chosen repeatedly.
            .with_parameter("PasswordHistory", "1")
            .with_parameter("BreachedPasswords", "check")
            .watched_by(|call| match call.service {
                "breaches" => Fate::RequestLost,
                _ => Fate::Proceed,
            })
    });
    let named =
        json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "Ada", "last_name": "L"});
    stage.post("/v1/registrations", named).await.expect(202);
    stage.post("/v1/registrations/resend", json!({"email": "ada@example.com"})).await.expect(202);
    let token = stage.link("ada@example.com").await;
    // A password entered now. That of the registration is ignored.
    stage.verify(&token).await.expect(201);
    let nameless = stage.registered("nameless@example.com").await;
    stage.make_administrator(&nameless).await;
    let admin = Tokens::of(&stage.log_in("nameless@example.com").await.expect(201).body);
    stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);
    stage.grant_role(&admin.access, &nameless, "editor").await.expect(204);
    stage.revoke_role(&admin.access, &nameless, "editor").await.expect(204);
    let bob = stage.registered("bob@example.com").await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.reactivate(&admin.access, &bob).await.expect(200);
    stage.end_sessions(&admin.access, &bob).await.expect(204);
    stage.send(local::Request::delete("/v1/roles/editor").bearer(&admin.access)).await.expect(204);
    by_an_administrator(&stage, &admin).await;
    stage.restore(&nameless).await;

    let first = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);
    stage.refresh(&second.refresh).await.expect(200);
    stage.refresh(&first.refresh).await.expect(401);
    let other = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    stage.log_out(&other.access).await.expect(204);
    the_profile_and_its_sessions(&stage).await;
    another_password_and_address(&stage).await;
    stage.registered("kim@example.com").await;
    applications(&stage).await;
    the_end(&stage).await;
    stage.stack.run_schedule("write-digest").await.expect("a digest");
    stage.settle().await;
    stage.stack.events().into_iter().map(|event| event.detail).collect()
}

/// Invites a user, updates them, invites them again, and lets them accept.
async fn by_an_administrator(stage: &Stage, admin: &Tokens) {
    let invited = stage.create_user(&admin.access, "invited@example.com").await.expect(201).body;
    let path = format!("/v1/users/{}", invited["id"].as_str().expect("an id"));
    let update = json!({"last_name": "Invited", "reason": "ticket 4711"});
    stage.send(local::Request::new("PATCH", &path).json(&update).bearer(&admin.access)).await.expect(200);
    let reason = json!({"reason": "ticket 4711"});
    stage.post_as(&format!("{path}/password-reset"), &admin.access, reason).await.expect(202);
    let link = stage.link("invited@example.com").await;
    stage.reset(&link, PASSWORD).await.expect(204);
}

async fn the_profile_and_its_sessions(stage: &Stage) {
    let here = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let there = Tokens::of(&stage.log_in("ada@example.com").await.expect(201).body);
    let as_ada = |method, path: &str| local::Request::new(method, path).bearer(&here.access);
    stage.send(as_ada("DELETE", &format!("/v1/me/sessions/{}", there.session_id))).await.expect(204);
    stage.send(as_ada("DELETE", "/v1/me/sessions")).await.expect(204);
    stage.send(as_ada("PATCH", "/v1/me").json(&json!({"attributes": {"plan": "pro"}}))).await.expect(200);
}

async fn applications(stage: &Stage) {
    let (shop, forum) = (stage.application(shop()).await, stage.application(forum()).await);
    let mut browser = Browser::default();
    let code = browser.code(stage, &forum.request("openid"), "kim@example.com").await;
    let tokens = stage.redeem(&forum, &code).await.expect(200).body;
    let revoked = [("token", tokens["refresh_token"].as_str().expect("a token"))];
    stage.post_form(&forum, "/oauth2/revoke", &revoked).await.expect(200);
    let again = [shop.request("openid"), vec![("prompt", "login")]].concat();
    stage.pass(Duration::from_secs(1));
    browser.code(stage, &again, "kim@example.com").await;
    let here = Tokens::of(&stage.log_in("kim@example.com").await.expect(201).body);
    stage.send(local::Request::delete("/v1/me/grants/forum").bearer(&here.access)).await.expect(204);
    for change in ["update", "add-secret", "remove-secret", "end-grants", "delete"] {
        stage.change_client("shop", change).await;
    }
}

async fn the_end(stage: &Stage) {
    stage.registered("eve@example.com").await;
    for _ in 0..2 {
        let tokens = Tokens::of(&stage.log_in("eve@example.com").await.expect(201).body);
        let delete = local::Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
        stage.send(delete.bearer(&tokens.access)).await.expect(204);
    }
    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
}

async fn another_password_and_address(stage: &Stage) {
    let link = stage.reset_link("ada@example.com").await;
    stage.reset(&link, "another horse, another battery").await.expect(204);
    let here = stage.log_in_with("ada@example.com", "another horse, another battery").await.expect(201);
    let here = Tokens::of(&here.body);
    let body = json!({"current_password": "another horse, another battery", "new_password": PASSWORD});
    let change = local::Request::new("PUT", "/v1/me/password").json(&body);
    stage.send(change.bearer(&here.access)).await.expect(204);
    let link = stage.email_link(&here.access, "ada@example.org").await;
    stage.verify_email(&here.access, &link).await.expect(200);
}

#[tokio::test]
async fn every_type_is_published_as_its_schema_says() {
    let committed = Committed::read();
    for detail in ["profile", "ids"] {
        let events = published(detail).await;

        for event in &events {
            assert_eq!(committed.faults(event), None, "{detail}: {event}");
        }
        let untold = events.iter().filter(|event| event["data"]["breach_check"] == "unavailable").count();
        assert_eq!(
            untold, 9,
            "{detail}: five registrations, a verification, an invitation, a reset, a change"
        );
        let named = events.iter().map(|event| event["dataschema"].as_str().expect("a schema").to_owned());
        let current = committed.newest();
        assert_eq!(named.collect::<BTreeSet<_>>(), current, "{detail}: every type is published");

        let text = Value::from(events).to_string();
        assert_eq!(text.contains("ada@example.com"), detail == "profile");
        for reason in ["logged-out", "token-reused", "ended-by-user"] {
            assert!(text.contains(reason), "{detail}: a session that ended by {reason}");
        }
    }
}

type Spoil = fn(&mut Value);

#[tokio::test]
async fn what_the_schemas_do_not_say_is_refused() {
    let committed = Committed::read();
    let events = published("profile").await;
    let ended = events.into_iter().find(|event| event["type"] == "session.ended").expect("an event");
    let spoil: [(&str, Spoil); 8] = [
        ("no id", |event| drop(event.as_object_mut().map(|fields| fields.remove("id")))),
        ("an id that is none", |event| event["id"] = "7".into()),
        ("another type", |event| event["type"] = "session.started".into()),
        ("a time that is none", |event| event["time"] = "yesterday".into()),
        ("another subject", |event| event["subject"] = "registration#1".into()),
        ("a sequence that does not sort", |event| event["sequence"] = "12".into()),
        ("another reason", |event| event["data"]["reason"] = "bored".into()),
        ("a session that is none", |event| event["data"]["session_id"] = Value::Null),
    ];
    for (what, spoil) in spoil {
        let mut event = ended.clone();
        spoil(&mut event);
        assert!(committed.faults(&event).is_some(), "{what}");
    }

    let mut event = ended;
    event["data"]["device"] = "new".into();
    assert_eq!(committed.faults(&event), None, "a future field is not a defect");
}
