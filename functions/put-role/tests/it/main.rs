//! Creating and changing roles, tested through the API.

use local::{Request, calls::Call};
use serde_json::json;
use stage::{
    ADA, BOB, Stage,
    faults::{Late, Lost},
    id,
};

const EDITOR: &str = "/v1/roles/editor";

fn commits(call: &Call) -> bool {
    call.function == "put-role" && call.operation == "TransactWriteItems"
}

#[tokio::test]
async fn a_role_has_the_permissions_that_were_put_last() {
    let stage = Stage::new();
    let user = stage.registered(ADA).await;
    stage.make_administrator(&user).await;
    let admin = stage::Tokens::of(&stage.log_in(ADA).await.expect(201).body);

    let first = stage.put_role(&admin.access, "editor", &["orders:refund", "orders:read"]).await.expect(200);
    let same = stage.put_role(&admin.access, "editor", &["orders:read", "orders:refund"]).await.expect(200);
    let other = stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);

    let sorted =
        json!({"name": "editor", "permissions": ["orders:read", "orders:refund"], "built_in": false});
    assert_eq!((&first.body, first.header("etag")), (&sorted, "\"1\""));
    assert_eq!((&same.body, same.header("etag")), (&sorted, "\"1\""));
    assert_eq!(other.header("etag"), "\"2\"");
    assert_eq!(stage.get(EDITOR, &admin.access).await.expect(200).body, other.body);
    assert_eq!(stage.events_of("role#editor").await, ["role.changed", "role.changed"]);
    let mut events = stage.stack.events().into_iter().rev();
    let detail = events.find(|event| event.detail["subject"] == "role#editor").expect("an event").detail;
    assert_eq!(detail["data"], json!({"permissions": ["orders:read"]}));
    assert_eq!(detail["actor"], format!("user:{}", id(&user)));
}

#[tokio::test]
async fn callers_cannot_add_permissions_they_lack() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(200);
    let (_, deputy) = stage.deputy(&admin, BOB, &["roles:write", "orders:read"]).await;

    for beyond in [&["orders:refund", "users:read"][..], &["users:read"], &[], &["orders:read"]] {
        let refused = stage.put_role(&deputy.access, "editor", beyond).await.expect(403);
        assert_eq!(refused.problem(), "forbidden", "{beyond:?}");
    }
    stage.put_role(&deputy.access, "deputy", &["roles:write", "users:write"]).await.expect(403);

    stage.put_role(&deputy.access, "editor", &["orders:refund", "orders:read"]).await.expect(200);
    stage.put_role(&deputy.access, "reader", &["orders:read"]).await.expect(200);
    stage.put_role(&deputy.access, "deputy", &["roles:write"]).await.expect(200);
    stage.put_role(&deputy.access, "reader", &["orders:read", "roles:write"]).await.expect(200);
    stage.put_role(&deputy.access, "reader", &[]).await.expect(403);
}

#[tokio::test]
async fn all_invalid_permissions_are_reported_together() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;

    let wrong = stage.put_role(&admin.access, "editor", &["orders", "a:b", "A:b"]).await.expect(422);
    let pointers: Vec<_> =
        wrong.body["errors"].as_array().expect("errors").iter().map(|e| &e["pointer"]).collect();
    assert_eq!(pointers, ["/permissions/0", "/permissions/2"]);
    let many: Vec<_> = (0..101).map(|number| format!("orders:do-{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    stage.put_role(&admin.access, "editor", &many).await.expect(422);
    stage.put_role(&admin.access, "editor", &many[1..]).await.expect(200);
    stage.put_role(&admin.access, "Editor", &[]).await.expect(422);
    let built_in = stage.put_role(&admin.access, "admin", &["orders:read"]).await.expect(409);
    assert_eq!(built_in.problem(), "role-built-in");

    let put = Request::new("PUT", EDITOR).json(&json!({"permissions": []})).bearer(&admin.access);
    let conflict = stage.send(put.clone().header("if-match", "\"7\"")).await.expect(412);
    assert_eq!(conflict.problem(), "version-conflict");
    stage.send(put.header("if-match", "\"1\"")).await.expect(200);
}

#[tokio::test]
async fn a_token_with_a_revoked_permission_changes_nothing() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let (bob, deputy) = stage.deputy(&admin, BOB, &["roles:write"]).await;
    let ended = stage::Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    stage.log_out(&ended.access).await.expect(204);

    assert_eq!(stage.put_role(&ended.access, "editor", &[]).await.expect(401).problem(), "invalid-token");
    stage.put_role(&deputy.access, "editor", &[]).await.expect(200);
    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
    assert!(deputy.claims()["scope"].as_str().expect("a scope").contains("roles:write"));
    assert_eq!(stage.put_role(&deputy.access, "other", &[]).await.expect(403).problem(), "forbidden");
}

#[tokio::test]
async fn a_permission_lost_before_the_commit_prevents_it() {
    for how in ["revoked", "permits less", "deleted", "deletes the account"] {
        let late = Late::default();
        let stage = Stage::with(|setup| setup.watched_by(late.holding(commits)));
        let admin = stage.administrator(ADA).await;
        let (bob, deputy) = stage.deputy(&admin, BOB, &["roles:write"]).await;

        late.expect();
        let (put, ()) = tokio::join!(stage.put_role(&deputy.access, "editor", &[]), async {
            late.has_come().await;
            match how {
                "revoked" => drop(stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204)),
                "permits less" => drop(stage.put_role(&admin.access, "deputy", &[]).await.expect(200)),
                "deleted" => {
                    let delete = Request::delete("/v1/roles/deputy").bearer(&admin.access);
                    stage.send(delete).await.expect(204);
                }
                _ => {
                    let body = json!({"password": stage::PASSWORD});
                    stage
                        .send(Request::delete("/v1/me").json(&body).bearer(&deputy.access))
                        .await
                        .expect(204);
                }
            }
            late.go_on();
        });

        put.expect(if how == "deletes the account" { 401 } else { 403 });
        assert!(stage.events_of("role#editor").await.is_empty(), "{how}");
    }
}

#[tokio::test]
async fn two_concurrent_changes_both_apply() {
    let stage = Stage::with(stage::slowly);
    let admin = stage.administrator(ADA).await;

    let (one, other) = tokio::join!(
        stage.put_role(&admin.access, "editor", &["orders:read"]),
        stage.put_role(&admin.access, "editor", &["orders:refund"])
    );

    let mut versions =
        [one.expect(200).header("etag").to_owned(), other.expect(200).header("etag").to_owned()];
    versions.sort();
    assert_eq!(versions, ["\"1\"", "\"2\""]);
    assert_eq!(stage.events_of("role#editor").await.len(), 2);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 200, 1), (Lost::Request, 503, 0)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("put-role")));
        let admin = stage.administrator(ADA).await;

        stage.put_role(&admin.access, "editor", &[]).await.expect(status);

        assert_eq!(stage.events_of("role#editor").await.len(), events, "{lost:?} lost");
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let admin = stage.administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &[]).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    stage.put_role(&admin.access, "reader", &[]).await.expect(200);

    assert_eq!(stage.round_trips_of("put-role"), 2);
}
