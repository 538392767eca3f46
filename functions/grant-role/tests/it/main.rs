//! Granting roles, tested through the API.

use std::time::Duration;

use local::{
    Request,
    calls::{Call, Fate},
};
use serde_json::json;
use stage::{ADA, BOB, Stage, Tokens, faults::Lost, id, subject};

#[tokio::test]
async fn a_granted_role_takes_effect_at_the_next_refresh() {
    let stage = Stage::new();
    let ada = stage.registered(ADA).await;
    stage.make_administrator(&ada).await;
    let admin = Tokens::of(&stage.log_in(ADA).await.expect(201).body);
    let bob = stage.registered(BOB).await;
    let before = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    stage.put_role(&admin.access, "editor", &["roles:read", "orders:refund"]).await.expect(200);

    stage.grant_role(&admin.access, &bob, "editor").await.expect(204);
    stage.grant_role(&admin.access, &bob, "editor").await.expect(204);

    stage.get("/v1/roles", &before.access).await.expect(403);
    let after = Tokens::of(&stage.refresh(&before.refresh).await.expect(200).body);
    stage.get("/v1/roles", &after.access).await.expect(200);
    let said = after.claims();
    assert_eq!((&said["roles"], &said["scope"]), (&json!(["editor"]), &json!("roles:read orders:refund")));
    assert_eq!(stage.get("/v1/me", &after.access).await.body["roles"], json!(["editor"]));
    assert_eq!(stage.events_of(&subject(&bob)).await[2..], ["user.role-granted"]);
    let detail = stage.stack.events().pop().expect("an event").detail;
    assert_eq!(detail["data"], json!({"role": "editor", "stated_reason": "ticket 4711"}));
    assert_eq!(detail["actor"], format!("user:{}", id(&ada)));
}

#[tokio::test]
async fn callers_cannot_grant_roles_with_permissions_they_lack() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &["orders:refund"]).await.expect(200);
    stage.put_role(&admin.access, "reader", &["orders:read"]).await.expect(200);
    let (bob, deputy) = stage.deputy(&admin, BOB, &["roles:write", "orders:read"]).await;

    for beyond in ["admin", "editor"] {
        let refused = stage.grant_role(&deputy.access, &bob, beyond).await.expect(403);
        assert_eq!(refused.problem(), "forbidden", "{beyond}");
    }

    stage.grant_role(&deputy.access, &bob, "reader").await.expect(204);
}

#[tokio::test]
async fn all_permissions_together_do_not_make_an_administrator() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    stage.put_role(&admin.access, "editor", &[]).await.expect(200);
    let (bob, deputy) = stage.deputy(&admin, BOB, &domain::Permission::OWN).await;

    for (user, role) in [(&bob, "admin"), (&ada, "editor")] {
        let refused = stage.grant_role(&deputy.access, user, role).await.expect(403);
        assert_eq!(refused.problem(), "forbidden", "{role}");
    }
    stage.revoke_role(&deputy.access, &ada, "admin").await.expect(403);
    stage.put_role(&deputy.access, "seller", &["orders:refund"]).await.expect(403);

    stage.grant_role(&deputy.access, &bob, "editor").await.expect(204);
}

#[tokio::test]
async fn a_user_a_role_and_a_reason_are_required() {
    let stage = Stage::new();
    let (admin, bob) = stage.ada_and_bob().await;
    let nobody = json!({"id": "019aa400-0000-7000-8000-000000000000"});

    stage.grant_role(&admin.access, &nobody, "admin").await.expect(404);
    stage.grant_role(&admin.access, &json!({"id": "bob"}), "admin").await.expect(404);
    stage.grant_role(&admin.access, &bob, "editor").await.expect(404);
    let path = format!("/v1/users/{}/roles/admin", id(&bob));
    for body in [json!({}), json!({"reason": ""}), json!({"reason": "a\nb"})] {
        stage.send(Request::new("PUT", &path).json(&body).bearer(&admin.access)).await.expect(422);
    }
    let without = Request::new("PUT", &path).json(&json!({"reason": "x"}));
    stage.send(without).await.expect(401);
}

#[tokio::test]
async fn concurrently_granted_roles_are_all_kept() {
    let stage = Stage::with(stage::slowly);
    let (admin, bob) = stage.ada_and_bob().await;
    for role in ["editor", "reader"] {
        stage.put_role(&admin.access, role, &[]).await.expect(200);
    }

    let (one, other, third) = tokio::join!(
        stage.grant_role(&admin.access, &bob, "reader"),
        stage.grant_role(&admin.access, &bob, "editor"),
        stage.grant_role(&admin.access, &bob, "admin")
    );

    assert_eq!([one.status, other.status, third.status], [204; 3]);
    stage.pass(Duration::from_mins(1));
    let tokens = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    assert_eq!(tokens.claims()["roles"], json!(["admin", "editor", "reader"]));
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 204, 2), (Lost::Request, 503, 1)] {
        let lose = lost.of_commits("grant-role");
        // Only the commit of the request, not the one that sets up the first administrator.
        let is_reasoned = |call: &Call| call.request.to_string().contains("stated_reason");
        let watcher = move |call: &Call| if is_reasoned(call) { lose(call) } else { Fate::Proceed };
        let stage = Stage::with(|setup| setup.watched_by(watcher));
        let (admin, bob) = stage.ada_and_bob().await;

        stage.grant_role(&admin.access, &bob, "admin").await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{lost:?} lost");
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let (admin, bob) = stage.ada_and_bob().await;
    stage.grant_role(&admin.access, &json!({"id": "x"}), "admin").await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    stage.grant_role(&admin.access, &bob, "admin").await.expect(204);

    assert_eq!(stage.round_trips_of("grant-role"), 2);
}
