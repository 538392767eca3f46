//! Revoking roles, tested through the API.

use local::Request;
use serde_json::{Value, json};
use stage::{ADA, BOB, PASSWORD, Stage, Tokens, faults::Lost, subject};

async fn delete_account(stage: &Stage, tokens: &Tokens) -> u16 {
    let body = json!({"password": PASSWORD});
    stage.send(Request::delete("/v1/me").json(&body).bearer(&tokens.access)).await.status
}

/// Logs the users in, and returns how many of them are administrators.
async fn administrators(stage: &Stage, emails: &[&str]) -> usize {
    let mut count = 0;
    for email in emails {
        let answer = stage.log_in(email).await;
        count += usize::from(
            answer.status == 201 && Tokens::of(&answer.body).claims()["roles"] == json!(["admin"]),
        );
    }
    count
}

#[tokio::test]
async fn a_revoked_permission_is_gone_at_the_next_refresh() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let (bob, deputy) = stage.deputy(&admin, BOB, &["roles:read"]).await;

    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);
    stage.revoke_role(&admin.access, &bob, "nothing").await.expect(204);

    let refreshed = Tokens::of(&stage.refresh(&deputy.refresh).await.expect(200).body);
    stage.get("/v1/roles", &refreshed.access).await.expect(403);
    assert_eq!(stage.events_of(&subject(&bob)).await[3..], ["user.role-revoked"]);
    let said = stage.stack.events().pop().expect("an event").detail["data"].clone();
    assert_eq!(said, json!({"role": "deputy", "sessions_ended": false, "stated_reason": "ticket 4711"}));
}

#[tokio::test]
async fn a_deployment_can_end_the_sessions() {
    let stage = Stage::with(|setup| setup.with_parameter("EndSessionsOnRevocation", "true"));
    let admin = stage.administrator(ADA).await;
    let (bob, deputy) = stage.deputy(&admin, BOB, &["roles:read"]).await;

    stage.revoke_role(&admin.access, &bob, "deputy").await.expect(204);

    stage.refresh(&deputy.refresh).await.expect(401);
    stage.settle().await;
    let said = stage.stack.events().pop().expect("an event").detail["data"].clone();
    assert_eq!(said["sessions_ended"], json!(true));
    stage.refresh(&admin.refresh).await.expect(200);
}

#[tokio::test]
async fn callers_cannot_revoke_roles_with_permissions_they_lack() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    stage.known_administrator("eve@example.com").await;
    let (bob, deputy) = stage.deputy(&admin, BOB, &["roles:write"]).await;

    stage.revoke_role(&deputy.access, &ada, "admin").await.expect(403);

    stage.revoke_role(&deputy.access, &bob, "deputy").await.expect(204);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    let (bob, second) = stage.known_administrator(BOB).await;
    stage.revoke_role(&admin.access, &bob, "admin").await.expect(204);

    let refused = stage.revoke_role(&admin.access, &ada, "admin").await.expect(409);

    assert_eq!(refused.problem(), "last-administrator");
    assert_eq!(delete_account(&stage, &admin).await, 409);
    stage.revoke_role(&second.access, &ada, "admin").await.expect(403);
    assert_eq!(delete_account(&stage, &second).await, 204);
    assert_eq!(administrators(&stage, &[ADA]).await, 1);
}

/// Invites an administrator, who does not accept.
async fn invited(stage: &Stage, admin: &Tokens) -> Value {
    let ghost = json!({"email": BOB, "roles": ["admin"], "reason": "ticket 4711"});
    stage.post_as("/v1/users", &admin.access, ghost).await.expect(201).body
}

#[tokio::test]
async fn an_administrator_who_has_not_accepted_the_invitation_does_not_count() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    let ghost = invited(&stage, &admin).await;

    let refused = stage.revoke_role(&admin.access, &ada, "admin").await.expect(409);

    assert_eq!(refused.problem(), "last-administrator");
    assert_eq!(delete_account(&stage, &admin).await, 409);
    stage.suspend(&admin.access, &ada).await.expect(409);
    // Suspending, reactivating and deleting an invited administrator does not change the count.
    stage.suspend(&admin.access, &ghost).await.expect(200);
    stage.reactivate(&admin.access, &ghost).await.expect(200);
    stage.delete_user(&admin.access, &ghost).await.expect(204);
    stage.revoke_role(&admin.access, &ada, "admin").await.expect(409);
}

#[tokio::test]
async fn an_administrator_counts_once_the_invitation_is_accepted() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    invited(&stage, &admin).await;
    let link = stage.link(BOB).await;
    stage.reset(&link, PASSWORD).await.expect(204);

    stage.revoke_role(&admin.access, &ada, "admin").await.expect(204);

    let second = Tokens::of(&stage.log_in(BOB).await.expect(201).body);
    assert_eq!(delete_account(&stage, &second).await, 409);
}

#[tokio::test]
async fn an_invited_administrator_who_is_reactivated_counts_once_they_accept() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    let ghost = invited(&stage, &admin).await;
    let link = stage.link(BOB).await;
    stage.delete_user(&admin.access, &ghost).await.expect(204);
    stage.reactivate(&admin.access, &ghost).await.expect(200);
    stage.revoke_role(&admin.access, &ada, "admin").await.expect(409);

    stage.reset(&link, PASSWORD).await.expect(204);

    stage.revoke_role(&admin.access, &ada, "admin").await.expect(204);
    assert_eq!(administrators(&stage, &[ADA, BOB]).await, 1);
}

#[tokio::test]
async fn one_of_two_administrators_who_leave_concurrently_remains() {
    for how in ["each the other", "each themselves", "one is revoked, one deletes the account", "both delete"]
    {
        let stage = Stage::with(stage::slowly);
        let (ada, of_ada) = stage.known_administrator(ADA).await;
        let (bob, of_bob) = stage.known_administrator(BOB).await;

        let statuses = match how {
            "each the other" => {
                let (one, other) = tokio::join!(
                    stage.revoke_role(&of_ada.access, &bob, "admin"),
                    stage.revoke_role(&of_bob.access, &ada, "admin")
                );
                [one.status, other.status]
            }
            "each themselves" => {
                let (one, other) = tokio::join!(
                    stage.revoke_role(&of_ada.access, &ada, "admin"),
                    stage.revoke_role(&of_bob.access, &bob, "admin")
                );
                [one.status, other.status]
            }
            "both delete" => {
                let both = tokio::join!(delete_account(&stage, &of_ada), delete_account(&stage, &of_bob));
                both.into()
            }
            _ => {
                let (one, other) = tokio::join!(
                    stage.revoke_role(&of_ada.access, &ada, "admin"),
                    delete_account(&stage, &of_bob)
                );
                [one.status, other]
            }
        };

        assert_eq!(statuses.iter().filter(|status| **status == 204).count(), 1, "{how}: {statuses:?}");
        assert!(statuses.contains(&409) || statuses.contains(&403), "{how}: {statuses:?}");
        if how.starts_with("each") {
            assert_eq!(administrators(&stage, &[ADA, BOB]).await, 1, "{how}");
        }
    }
}

#[tokio::test]
async fn a_returning_administrator_counts_again() {
    let stage = Stage::new();
    let (ada, admin) = stage.known_administrator(ADA).await;
    let (_, second) = stage.known_administrator(BOB).await;
    assert_eq!(delete_account(&stage, &second).await, 204);
    stage.revoke_role(&admin.access, &ada, "admin").await.expect(409);

    stage.log_in(BOB).await.expect(201);

    stage.revoke_role(&admin.access, &ada, "admin").await.expect(204);
    assert_eq!(administrators(&stage, &[ADA, BOB]).await, 1);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (lost, status, events) in [(Lost::Answer, 204, 4), (Lost::Request, 503, 3)] {
        let stage = Stage::with(|setup| setup.watched_by(lost.of_commits("revoke-role")));
        let admin = stage.administrator(ADA).await;
        let (bob, _) = stage.deputy(&admin, BOB, &["roles:read"]).await;

        stage.revoke_role(&admin.access, &bob, "deputy").await.expect(status);

        assert_eq!(stage.events_of(&subject(&bob)).await.len(), events, "{lost:?} lost");
    }
}
