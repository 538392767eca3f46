//! Reading a role, tested through the API.

use serde_json::json;
use stage::Stage;

#[tokio::test]
async fn a_role_is_shown_with_the_permission_to_read_roles() {
    let stage = Stage::new();
    let admin = stage.administrator("ada@example.com").await;
    stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);
    let user = stage.signed_in("bob@example.com").await;

    let shown = stage.get("/v1/roles/editor", &admin.access).await.expect(200);

    let expected = json!({"name": "editor", "permissions": ["orders:read"], "built_in": false});
    assert_eq!((shown.body.clone(), shown.header("etag")), (expected, "\"1\""));
    assert_eq!(stage.get("/v1/roles/admin", &admin.access).await.expect(200).body["built_in"], json!(true));
    assert_eq!(stage.get("/v1/roles/editor", &user.access).await.expect(403).problem(), "forbidden");
    for missing in ["reader", "Editor", "a%20b"] {
        stage.get(&format!("/v1/roles/{missing}"), &admin.access).await.expect(404);
    }
}
