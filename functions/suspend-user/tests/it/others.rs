//! Permissions for suspending users.

use local::Request;
use serde_json::json;
use stage::{ADA, BOB, Stage, Tokens, id, subject};

#[tokio::test]
async fn callers_cannot_suspend_users_with_permissions_they_lack() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    stage.known_administrator("eve@example.com").await;
    let (_, deputy) = stage.deputy(&admin, BOB, &["users:write"]).await;
    let carol = stage.registered("carol@example.com").await;
    let editor = stage.registered("dan@example.com").await;
    stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(200);
    stage.grant_role(&admin.access, &editor, "editor").await.expect(204);

    for beyond in [&ada, &editor] {
        assert_eq!(stage.suspend(&deputy.access, beyond).await.expect(403).problem(), "forbidden");
    }

    stage.suspend(&deputy.access, &carol).await.expect(200);
    stage.suspend(&admin.access, &editor).await.expect(200);
}

#[tokio::test]
async fn a_revoked_permission_is_refused_before_the_token_expires() {
    let stage = Stage::new();
    let (_, admin) = stage.known_administrator(ADA).await;
    let (bob, deputy) = stage.deputy(&admin, BOB, &["users:write"]).await;
    let carol = stage.registered("carol@example.com").await;
    let nobody = Tokens::of(&stage.log_in("carol@example.com").await.expect(201).body);

    stage.suspend(&nobody.access, &bob).await.expect(403);
    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
    assert_eq!(stage.suspend(&deputy.access, &carol).await.expect(403).problem(), "forbidden");
    stage.suspend(&admin.access, &bob).await.expect(200);

    assert_eq!(stage.suspend(&deputy.access, &carol).await.expect(401).problem(), "invalid-token");
    stage.refresh(&nobody.refresh).await.expect(200);
}

#[tokio::test]
async fn the_last_active_administrator_cannot_be_suspended() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    let (bob, _) = stage.known_administrator(BOB).await;
    stage.suspend(&admin.access, &bob).await.expect(200);

    let refused = stage.suspend(&admin.access, &ada).await.expect(409);

    assert_eq!(refused.problem(), "last-administrator");
    stage.reactivate(&admin.access, &bob).await.expect(200);
    stage.suspend(&admin.access, &ada).await.expect(200);
    stage.log_in(BOB).await.expect(201);
}

#[tokio::test]
async fn one_of_two_administrators_who_suspend_each_other_remains() {
    let stage = Stage::with(stage::slowly);
    let (ada, of_ada) = stage.known_administrator(ADA).await;
    let (bob, of_bob) = stage.known_administrator(BOB).await;

    let (one, other) = tokio::join!(stage.suspend(&of_ada.access, &bob), stage.suspend(&of_bob.access, &ada));

    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401], "the slower one has been signed out");
    let mut log_ins = [stage.log_in(ADA).await.status, stage.log_in(BOB).await.status];
    log_ins.sort_unstable();
    assert_eq!(log_ins, [201, 403]);
}

#[tokio::test]
async fn a_user_and_a_reason_are_required() {
    let stage = Stage::new();
    let (_, admin) = stage.known_administrator(ADA).await;
    let bob = stage.registered(BOB).await;
    let path = format!("/v1/users/{}/suspend", id(&bob));
    let leaver = stage.registered("carol@example.com").await;
    stage.delete_user(&admin.access, &leaver).await.expect(204);

    let nobody = json!({"id": "019aa400-0000-7000-8000-000000000000"});
    for missing in [&nobody, &json!({"id": "bob"}), &leaver] {
        assert_eq!(stage.suspend(&admin.access, missing).await.expect(404).problem(), "not-found");
    }
    for body in [json!({}), json!({"reason": " "}), json!({"reason": "a\nb"}), json!({"why": "x"})] {
        stage.send(Request::post(&path, &body).bearer(&admin.access)).await.expect(422);
    }
    stage.send(Request::post(&path, &json!({"reason": "x"}))).await.expect(401);

    stage.log_in(BOB).await.expect(201);
}

#[tokio::test]
async fn it_applies_to_the_given_version_and_only_once() {
    let stage = Stage::new();
    let (_, admin) = stage.known_administrator(ADA).await;
    let bob = stage.registered(BOB).await;
    let path = format!("/v1/users/{}/suspend", id(&bob));
    let request = |version: &str| {
        let request = Request::post(&path, &json!({"reason": "ticket 4711"})).bearer(&admin.access);
        stage.send(request.header("if-match", version))
    };
    let seen = stage.get(&format!("/v1/users/{}", id(&bob)), &admin.access).await.expect(200);
    stage.log_in(BOB).await.expect(201);

    assert_eq!(request(seen.header("etag")).await.expect(412).problem(), "version-conflict");
    let first = request("\"2\"").await.expect(200);
    let second = stage.suspend(&admin.access, &bob).await.expect(200);

    assert_eq!((first.header("etag"), second.header("etag")), ("\"3\"", "\"3\""), "no change");
    assert_eq!(stage.events_of(&subject(&bob)).await[2..], ["user.suspended"]);
}
