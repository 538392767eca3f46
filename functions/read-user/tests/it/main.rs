//! Reading a user, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{Request, Setup, calls::round_trips};
use serde_json::json;
use stage::{PASSWORD, Stage, Tokens};

const ADMIN: &str = "root@example.net";

fn path(id: &str) -> String {
    format!("/v1/users/{id}")
}

async fn id_of(stage: &Stage, tokens: &Tokens) -> String {
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    me["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn an_administrator_sees_a_user_as_they_see_themselves() {
    let stage = Stage::new();
    let (admin, ada) = (stage.administrator(ADMIN).await, stage.signed_in("ada@example.com").await);
    let id = id_of(&stage, &ada).await;

    let shown = stage.get(&path(&id), &admin.access).await.expect(200);

    let herself = stage.get("/v1/me", &ada.access).await.expect(200);
    assert_eq!((&shown.body, shown.header("etag")), (&herself.body, herself.header("etag")));
}

#[tokio::test]
async fn erased_and_unknown_users_are_not_found() {
    let stage = Stage::new();
    let (admin, ada) = (stage.administrator(ADMIN).await, stage.signed_in("ada@example.com").await);
    let id = id_of(&stage, &ada).await;
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&ada.access)).await.expect(204);
    assert_eq!(stage.get(&path(&id), &admin.access).await.expect(200).body["status"], "deleting");

    stage.pass(Duration::from_hours(7 * 24 + 1));
    stage.stack.run_schedule("erase-users").await.expect("a run");

    let admin = Tokens::of(&stage.log_in(ADMIN).await.expect(201).body);
    for nobody in [&*id, "019aa400-0000-7000-8000-000000000000", "nonsense"] {
        assert_eq!(
            stage.get(&path(nobody), &admin.access).await.expect(404).problem(),
            "not-found",
            "{nobody}"
        );
    }
}

#[tokio::test]
async fn the_permission_to_read_users_is_required_for_one() {
    let stage = Stage::new();
    stage.administrator(ADMIN).await;
    let ada = stage.signed_in("ada@example.com").await;
    let id = id_of(&stage, &ada).await;

    assert_eq!(stage.get(&path(&id), &ada.access).await.expect(403).problem(), "forbidden");
    assert_eq!(stage.send(Request::get(&path(&id))).await.expect(401).problem(), "invalid-token");
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(Setup::recording);
    let admin = stage.administrator(ADMIN).await;
    let id = id_of(&stage, &admin).await;
    stage.get(&path(&id), &admin.access).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    stage.get(&path(&id), &admin.access).await.expect(200);

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
