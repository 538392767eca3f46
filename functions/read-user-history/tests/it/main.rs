//! Reading a user's history, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{Request, Setup, calls::round_trips};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};

const ADMIN: &str = "root@example.net";
const EMAIL: &str = "ada@example.com";

fn path(user: &Value) -> String {
    format!("/v1/users/{}/events", user["id"].as_str().expect("an id"))
}

fn items(page: &Value) -> &[Value] {
    page["items"].as_array().expect("items")
}

async fn page(stage: &Stage, path: &str, tokens: &Tokens) -> Value {
    stage.get(path, &tokens.access).await.expect(200).body
}

/// Creates a user and grants them a role.
async fn editor(stage: &Stage, admin: &Tokens) -> Value {
    let ada = stage.registered(EMAIL).await;
    stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);
    stage.grant_role(&admin.access, &ada, "editor").await.expect(204);
    ada
}

#[tokio::test]
async fn the_history_adds_actor_and_reason() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = editor(&stage, &admin).await;

    let history = page(&stage, &path(&ada), &admin).await;

    let herself = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let own = page(&stage, "/v1/me/events", &herself).await;
    let root = page(&stage, "/v1/me", &admin).await;
    assert_eq!((items(&history), items(&history).len()), (&items(&own)[1..], 2));
    let granted = &items(&history)[0];
    assert_eq!(
        (&granted["type"], &granted["data"]["stated_reason"]),
        (&json!("user.role-granted"), &json!("ticket 4711"))
    );
    assert_eq!(granted["actor"], format!("user:{}", root["id"].as_str().expect("an id")));
}

#[tokio::test]
async fn a_long_history_is_paged() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = editor(&stage, &admin).await;
    for _ in 0..3 {
        stage.log_in(EMAIL).await.expect(201);
    }
    let whole = page(&stage, &format!("{}?limit=100", path(&ada)), &admin).await;

    for limit in 1..=6 {
        let (mut seen, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let part = page(&stage, &format!("{}{query}", path(&ada)), &admin).await;
            assert!(!items(&part).is_empty() && items(&part).len() <= limit, "{limit}");
            seen.extend(items(&part).to_vec());
            let Some(next) = part["next_cursor"].as_str() else { break };
            query = format!("?limit={limit}&cursor={next}");
        }
        assert_eq!((&*seen, seen.len()), (items(&whole), 5), "{limit}");
    }
}

#[tokio::test]
async fn a_cursor_is_valid_for_one_administrator_and_one_user() {
    let stage = Stage::new();
    let (admin, other) = (stage.administrator(ADMIN).await, stage.administrator("eve@example.net").await);
    let (ada, bob) = (editor(&stage, &admin).await, stage.registered("bob@example.com").await);
    let root = page(&stage, "/v1/me", &admin).await;
    let first = page(&stage, &format!("{}?limit=1", path(&ada)), &admin).await;
    let own = page(&stage, "/v1/me/events?limit=1", &admin).await;
    let cursor = |page: &Value| page["next_cursor"].as_str().expect("a second page").to_owned();

    for (who, path, cursor) in [
        (&other, path(&ada), cursor(&first)),
        (&admin, path(&bob), cursor(&first)),
        (&admin, "/v1/me/events".to_owned(), cursor(&first)),
        (&admin, path(&root), cursor(&own)),
        (&admin, path(&ada), "gpc_AAAA".to_owned()),
    ] {
        let refused = stage.get(&format!("{path}?cursor={cursor}"), &who.access).await.expect(400);
        assert_eq!(refused.problem(), "invalid-cursor", "{path}");
    }
}

#[tokio::test]
async fn suspended_users_have_a_history_and_erased_users_have_none() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = editor(&stage, &admin).await;
    let suspend = json!({
        "TableName": "Identities",
        "Key": {"pk": {"S": format!("USER#{}", ada["id"].as_str().expect("an id"))}, "sk": {"S": "USER"}},
        "UpdateExpression": "SET #s = :s",
        "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "suspended"}},
    });
    let bob = stage.signed_in("bob@example.com").await;
    let bobs = page(&stage, "/v1/me", &bob).await;
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));

    stage.stack.dynamodb("UpdateItem", &suspend).expect("suspended");
    stage.send(delete.bearer(&bob.access)).await.expect(204);

    assert_eq!(items(&page(&stage, &path(&ada), &admin).await).len(), 2);
    assert_eq!(items(&page(&stage, &path(&bobs), &admin).await)[0]["type"], "user.deletion-requested");
    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    let admin = Tokens::of(&stage.log_in(ADMIN).await.expect(201).body);
    for nobody in [bobs, json!({"id": "019aa400-0000-7000-8000-000000000000"}), json!({"id": "nonsense"})] {
        let refused = stage.get(&path(&nobody), &admin.access).await.expect(404);
        assert_eq!(refused.problem(), "not-found", "{nobody}");
    }
}

#[tokio::test]
async fn the_permission_to_read_events_is_required() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    let ada = editor(&stage, &admin).await;
    let (_, deputy) = stage.deputy(&admin, "bob@example.com", &["users:read", "users:write"]).await;

    assert_eq!(stage.get(&path(&ada), &deputy.access).await.expect(403).problem(), "forbidden");
    assert_eq!(stage.send(Request::get(&path(&ada))).await.expect(401).problem(), "invalid-token");
    stage.put_role(&admin.access, "deputy", &["events:read"]).await.expect(200);
    stage.pass(Duration::from_mins(1));
    let deputy = Tokens::of(&stage.refresh(&deputy.refresh).await.expect(200).body);
    stage.get(&path(&ada), &deputy.access).await.expect(200);
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    let ada = editor(&stage, &admin).await;
    page(&stage, &path(&ada), &admin).await;
    stage.settle().await;
    stage.forget_calls();

    page(&stage, &path(&ada), &admin).await;

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
