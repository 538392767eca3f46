//! Suspending users with a pending deletion.

use std::time::Duration;

use serde_json::json;
use stage::{ADA, BOB, PASSWORD, Stage, Tokens, id, subject};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn the_erasure_keeps_its_date_and_logging_in_does_not_cancel_it() {
    let stage = Stage::new();
    let (_, bob) = (stage.administrator(ADA).await, stage.leaving(BOB).await);
    stage.pass(DAY);
    let admin = Tokens::of(&stage.log_in(ADA).await.expect(201).body);

    let shown = stage.suspend(&admin.access, &bob).await.expect(200).body;

    assert_eq!(shown["status"], "deleting");
    assert_eq!(stage.log_in(BOB).await.expect(403).problem(), "account-suspended");
    assert_eq!(
        stage.log_in_with(BOB, "not the password at all").await.expect(401).problem(),
        "invalid-credentials"
    );
    assert_eq!(stage.events_of(&subject(&bob)).await[2..], ["user.deletion-requested", "user.suspended"]);
    let said = stage.stack.events().pop().expect("an event").detail["data"].clone();
    assert_eq!(said, json!({"erase_at": "2026-11-28T03:00:00Z", "stated_reason": "ticket 4711"}));
    let mail = stage.stack.mail().pop().expect("a mail");
    assert_eq!((&*mail.to[0], &*mail.subject), (BOB, "Your account with Gatepost was suspended"));
    stage.pass(6 * DAY + Duration::from_hours(1));
    stage.stack.run_schedule("erase-users").await.expect("a run");
    assert_eq!(stage.events_of(&subject(&bob)).await[4..], ["user.erased"]);
}

#[tokio::test]
async fn lifting_the_suspension_lets_the_user_cancel_the_deletion() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.leaving(BOB).await;
    stage.suspend(&admin.access, &bob).await.expect(200);
    stage.suspend(&admin.access, &bob).await.expect(200);

    let shown = stage.reactivate(&admin.access, &bob).await.expect(200).body;

    assert_eq!(shown["status"], "deleting");
    stage.reactivate(&admin.access, &bob).await.expect(404);
    stage.log_in(BOB).await.expect(201);
    let events = stage.events_of(&subject(&bob)).await;
    let expected = ["user.suspended", "user.reactivated", "user.deletion-canceled", "session.started"];
    assert_eq!(events[3..], expected);
}

#[tokio::test]
async fn a_suspended_user_can_be_deleted_and_reactivated_as_suspended() {
    let stage = Stage::new();
    let admin = stage.administrator(ADA).await;
    let bob = stage.leaving(BOB).await;
    stage.suspend(&admin.access, &bob).await.expect(200);

    stage.delete_user(&admin.access, &bob).await.expect(204);

    assert_eq!(stage.log_in(BOB).await.expect(401).problem(), "invalid-credentials");
    stage.suspend(&admin.access, &bob).await.expect(404);
    let shown = stage.reactivate(&admin.access, &bob).await.expect(200).body;
    assert_eq!(shown["status"], "suspended");
}

#[tokio::test]
async fn a_user_whose_erasure_is_due_cannot_be_changed() {
    let stage = Stage::new();
    let (_, bob) = (stage.administrator(ADA).await, stage.leaving(BOB).await);
    stage.pass(7 * DAY);
    let access = Tokens::of(&stage.log_in(ADA).await.expect(201).body).access;

    stage.suspend(&access, &bob).await.expect(404);
    stage.end_sessions(&access, &bob).await.expect(404);
    stage.delete_user(&access, &bob).await.expect(404);

    let path = format!("/v1/users/{}", id(&bob));
    assert_eq!(stage.get(&path, &access).await.expect(200).body["status"], "deleting");
    stage.post("/v1/sessions", json!({"email": BOB, "password": PASSWORD})).await.expect(401);
}
