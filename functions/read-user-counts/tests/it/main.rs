//! Reading the counts of users, tested through the API.

use std::time::Duration;

use local::{Request, Setup, calls::round_trips};
use serde_json::json;
use stage::Stage;

const PATH: &str = "/v1/user-counts";
const ADMIN: &str = "root@example.net";

#[tokio::test]
async fn an_administrator_sees_the_counts_and_their_time() {
    let stage = Stage::new();
    let admin = stage.administrator(ADMIN).await;
    stage.pass(Duration::from_mins(5));
    stage.registered("ada@example.com").await;
    stage.settle().await;

    let counts = stage.get(PATH, &admin.access).await.expect(200).body;

    let expected =
        json!({"active": 2, "suspended": 0, "deleting": 0, "total": 2, "as_of": "2026-11-21T03:05:00Z"});
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn the_permission_to_read_counts_is_required() {
    let stage = Stage::new();
    let ada = stage.signed_in("ada@example.com").await;

    assert_eq!(stage.get(PATH, &ada.access).await.expect(403).problem(), "forbidden");
    assert_eq!(stage.send(Request::get(PATH)).await.expect(401).problem(), "invalid-token");
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    stage.get(PATH, &admin.access).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    stage.get(PATH, &admin.access).await.expect(200);

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
