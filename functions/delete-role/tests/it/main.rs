//! Deleting roles, tested through the API.

use std::time::Duration;

use local::Request;
use serde_json::json;
use stage::{ADA, Answer, BOB, Stage, Tokens, faults::Lost};

async fn delete(stage: &Stage, access: &str, name: &str) -> Answer {
    stage.send(Request::delete(&format!("/v1/roles/{name}")).bearer(access)).await
}

#[tokio::test]
async fn users_lose_the_permissions_of_the_deleted_role() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let (_, deputy) = stage.deputy(&admin, BOB, &["orders:refund", "roles:read"]).await;
    let said = deputy.claims();
    assert_eq!((&said["roles"], &said["scope"]), (&json!(["deputy"]), &json!("roles:read orders:refund")));

    delete(&stage, &admin.access, "deputy").await.expect(204);

    stage.pass(Duration::from_mins(1));
    let refreshed = Tokens::of(&stage.refresh(&deputy.refresh).await.expect(200).body);
    let said = refreshed.claims();
    assert_eq!((&said["roles"], &said["scope"]), (&json!(null), &json!(null)));
    stage.get("/v1/roles", &refreshed.access).await.expect(403);
    stage.get("/v1/roles/deputy", &admin.access).await.expect(404);
    assert_eq!(stage.get("/v1/roles", &admin.access).await.body["items"].as_array().expect("roles").len(), 1);
    assert_eq!(stage.events_of("role#deputy").await, ["role.changed", "role.deleted"]);
}

#[tokio::test]
async fn the_name_of_a_deleted_role_cannot_be_reused() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);
    delete(&stage, &admin.access, "editor").await.expect(204);

    let refused = stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(409);

    assert_eq!(refused.problem(), "role-deleted");
    delete(&stage, &admin.access, "editor").await.expect(404);
    delete(&stage, &admin.access, "nobody").await.expect(404);
    assert_eq!(delete(&stage, &admin.access, "admin").await.expect(409).problem(), "role-built-in");
}

#[tokio::test]
async fn callers_cannot_delete_roles_with_permissions_they_lack() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(200);
    stage.put_role(&admin.access, "reader", &["orders:read"]).await.expect(200);
    let (_, deputy) = stage.deputy(&admin, BOB, &["roles:write", "orders:read"]).await;

    delete(&stage, &deputy.access, "editor").await.expect(403);
    delete(&stage, &deputy.access, "reader").await.expect(204);
}

#[tokio::test]
async fn one_of_two_concurrent_deletions_succeeds() {
    let stage = Stage::with(stage::slowly);
    let admin = stage.administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &[]).await.expect(200);

    let (one, other) =
        tokio::join!(delete(&stage, &admin.access, "editor"), delete(&stage, &admin.access, "editor"));

    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    assert_eq!(stage.events_of("role#editor").await, ["role.changed", "role.deleted"]);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 204, 2), (Lost::Request, 503, 1)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("delete-role")));
        let admin = stage.administrator(ADA).await;
        stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);

        delete(&stage, &admin.access, "editor").await.expect(status);

        assert_eq!(stage.events_of("role#editor").await.len(), events, "{lost:?} lost");
    }
}
