//! Listing roles, tested through the API.

use local::{Request, calls::round_trips};
use serde_json::json;
use stage::{Stage, Tokens};

const PATH: &str = "/v1/roles";

#[tokio::test]
async fn an_administrator_sees_all_roles() {
    let stage = Stage::new();
    let admin = stage.administrator("ada@example.com").await;

    let answer = stage.get(PATH, &admin.access).await.expect(200);

    let permissions = ["events:read", "roles:read", "roles:write", "users:read", "users:write"];
    let expected = json!({"items": [{"name": "admin", "permissions": permissions, "built_in": true}]});
    assert_eq!(answer.body, expected);
}

#[tokio::test]
async fn other_callers_are_refused() {
    let stage = Stage::new();
    let user = stage.signed_in("ada@example.com").await;

    assert_eq!(stage.get(PATH, &user.access).await.expect(403).problem(), "forbidden");
    assert_eq!(stage.send(Request::get(PATH)).await.expect(401).problem(), "invalid-token");
    let refreshed = Tokens::of(&stage.refresh(&user.refresh).await.expect(200).body);
    stage.get(PATH, &refreshed.access).await.expect(403);
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);
    let admin = stage.administrator("ada@example.com").await;
    stage.get(PATH, &admin.access).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    stage.get(PATH, &admin.access).await.expect(200);

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
