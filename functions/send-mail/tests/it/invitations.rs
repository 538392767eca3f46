//! Mails that an administrator causes.

use std::time::Duration;

use local::calls::Fate;
use serde_json::json;
use stage::Stage;

use crate::{
    deliver,
    notices::{event, user},
    stage,
};

const EMAIL: &str = "ada@example.com";
const INVITED: &str = "user.created";
const RESET: &str = "user.password-reset-requested";

/// Changes an attribute of a user's item directly.
fn set(stage: &Stage, user: &str, name: &str, value: &serde_json::Value) {
    let update = json!({
        "TableName": "Identities",
        "Key": {"pk": {"S": format!("USER#{user}")}, "sk": {"S": "USER"}},
        "UpdateExpression": "SET #name = :value",
        "ExpressionAttributeNames": {"#name": name},
        "ExpressionAttributeValues": {":value": value},
    });
    stage.stack.dynamodb("UpdateItem", &update).expect("updated");
}

/// Creates a user who has not chosen a password yet.
async fn invited(stage: &Stage, email: &str) -> String {
    let user = user(stage, email).await;
    set(stage, &user, "invited_at", &json!({"N": "1"}));
    user
}

fn subjects(stage: &Stage) -> Vec<String> {
    stage.stack.mail().into_iter().skip(1).map(|mail| mail.subject).collect()
}

#[tokio::test]
async fn users_without_a_password_are_invited_and_others_get_a_reset_link() {
    let stage = stage(|_| Fate::Proceed);
    let ada = invited(&stage, "ada@example.com").await;

    for message in [event(&ada, 2, INVITED), event(&ada, 3, RESET), event(&ada, 2, INVITED)] {
        assert_eq!(deliver(&stage, &message).await.len(), 0);
    }
    let bob = user(&stage, "bob@example.com").await;
    assert_eq!(deliver(&stage, &event(&bob, 4, RESET)).await.len(), 0);

    let invitation = "You have an account with Gatepost";
    let verification = "Confirm your e-mail address for Gatepost";
    assert_eq!(
        subjects(&stage),
        [invitation, invitation, verification, "Choose a new password for Gatepost"]
    );
}

#[tokio::test]
async fn users_with_a_newer_password_or_a_suspension_get_no_mail() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;
    // The invitation was accepted with another link before this event.
    assert_eq!(deliver(&stage, &event(&ada, 2, INVITED)).await.len(), 0);
    set(&stage, &ada, "credential_version", &json!({"N": "6"}));
    assert_eq!(deliver(&stage, &event(&ada, 5, RESET)).await.len(), 0);
    set(&stage, &ada, "invited_at", &json!({"N": "1"}));
    set(&stage, &ada, "status", &json!({"S": "suspended"}));
    for message in [event(&ada, 7, INVITED), event(&ada, 8, RESET)] {
        assert_eq!(deliver(&stage, &message).await.len(), 0);
    }
    assert_eq!(subjects(&stage), Vec::<String>::new());

    set(&stage, &ada, "status", &json!({"S": "active"}));
    assert_eq!(deliver(&stage, &event(&ada, 9, RESET)).await.len(), 0);
    assert_eq!(subjects(&stage).len(), 1, "active users get one");
}

#[tokio::test]
async fn invitations_have_their_own_cap() {
    let stage = stage(|_| Fate::Proceed);
    let ada = invited(&stage, EMAIL).await;
    // Anonymous callers use up their own caps.
    for _ in 0..6 {
        stage.register(EMAIL).await.expect(202);
        stage.post("/v1/password-resets", json!({"email": EMAIL})).await.expect(202);
        stage.settle().await;
        stage.pass(Duration::from_mins(5));
    }
    let strangers = subjects(&stage).len();

    for hour in 1..=6 {
        for sequence in 0..8 {
            assert_eq!(deliver(&stage, &event(&ada, hour * 10 + sequence, RESET)).await.len(), 0);
        }
        let invitations = usize::try_from(hour * 5).expect("few").min(20);
        assert_eq!(subjects(&stage).len() - strangers, invitations, "hour {hour}");
        stage.pass(Duration::from_hours(1));
    }
}
