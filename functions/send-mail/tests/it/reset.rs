//! Links for users: to choose a new password, and to prove a new address.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::Purpose;
use local::calls::Fate;
use serde_json::json;
use stage::Stage;
use tokens::LinkToken;

use crate::{
    deliver,
    notices::{event, user},
    stage,
};

const RESET: &str = "0193e7a0-0000-7000-8000-000000000001";

fn put(stage: &Stage, item: &serde_json::Value) {
    stage.stack.dynamodb("PutItem", &json!({"TableName": "Identities", "Item": item})).expect("an item");
}

fn in_a_day(stage: &Stage) -> String {
    stage.stack.clock().now().plus(Duration::from_hours(24)).millis().to_string()
}

/// Stores a request for a new password. Returns the event, as the queue delivers it.
fn request(stage: &Stage, email: &str, id: &str) -> String {
    put(
        stage,
        &json!({
            "pk": {"S": format!("RESET#{RESET}")}, "sk": {"S": "RESET"},
            "canonical_email": {"S": email}, "expires_at": {"N": in_a_day(stage)},
        }),
    );
    let detail = json!({
        "specversion": "1.0", "id": id, "type": "password-reset.requested", "subject": format!("reset#{RESET}"),
        "time": stage.stack.clock().now().to_string(), "sequence": "1", "epoch": 1, "correlationid": "c", "data": {},
    });
    json!({"detail": detail}).to_string()
}

/// Returns the stored link of a user.
fn link(stage: &Stage, user: &str, purpose: Purpose) -> serde_json::Value {
    let key = json!({"pk": {"S": format!("USER#{user}")}, "sk": {"S": format!("LINK#{}", purpose.name())}});
    stage.stack.dynamodb("GetItem", &json!({"TableName": "Identities", "Key": key})).expect("an answer")["Item"].clone()
}

/// Returns whether the last mail has the stored link.
fn is_mailed(stage: &Stage, link: &serde_json::Value, purpose: Purpose) -> bool {
    let mail = stage.stack.mail().pop().expect("a mail");
    let token = mail.links[0].split_once("#token=").expect("a token").1;
    let hash = LinkToken::parse(token, purpose).expect("a token").hash();
    link["link_hash"]["B"] == STANDARD.encode(hash.bytes())
}

#[tokio::test]
async fn a_user_gets_a_link_for_a_new_password() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;
    let message = request(&stage, "ada@example.com", "e1");

    for _ in 0..10 {
        assert_eq!(deliver(&stage, &message).await.len(), 0);
    }

    let (mails, link) = (stage.stack.mail(), link(&stage, &ada, Purpose::ResetPassword));
    assert_eq!(mails.len(), 2);
    assert_eq!(
        (mails[1].to[0].as_str(), mails[1].subject.as_str()),
        ("ada@example.com", "Choose a new password for Gatepost")
    );
    assert!(mails[1].links[0].starts_with("http://127.0.0.1:9000/_local/reset-password#token=gpl_"));
    assert!(mails[1].text.contains("30 minutes"), "{}", mails[1].text);
    assert!(is_mailed(&stage, &link, Purpose::ResetPassword));
    assert_eq!(link["bound_to"]["S"], "ada@example.com");
    let expiry = stage.stack.clock().now().plus(Duration::from_mins(30));
    assert_eq!(link["expires_at"]["N"], expiry.millis().to_string());
}

#[tokio::test]
async fn other_addresses_get_no_link() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;

    assert_eq!(deliver(&stage, &request(&stage, "nobody@example.com", "e1")).await.len(), 0);

    let late = request(&stage, "ada@example.com", "e2");
    stage.pass(Duration::from_hours(24));
    assert_eq!(deliver(&stage, &late).await.len(), 0, "the request has expired");

    let suspend = json!({
        "TableName": "Identities",
        "Key": {"pk": {"S": format!("USER#{ada}")}, "sk": {"S": "USER"}},
        "UpdateExpression": "SET #s = :s", "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "suspended"}},
    });
    stage.stack.dynamodb("UpdateItem", &suspend).expect("suspended");
    assert_eq!(deliver(&stage, &request(&stage, "ada@example.com", "e3")).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn a_user_whose_link_could_not_work_gets_none() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;
    let delete = json!({
        "TableName": "Identities",
        "Key": {"pk": {"S": format!("USER#{ada}")}, "sk": {"S": "USER"}},
        "UpdateExpression": "SET #s = :s, erase_at = :at", "ExpressionAttributeNames": {"#s": "status"},
        "ExpressionAttributeValues": {":s": {"S": "deleting"}, ":at": {"N": in_a_day(&stage)}},
    });
    stage.stack.dynamodb("UpdateItem", &delete).expect("deleted");

    assert_eq!(deliver(&stage, &request(&stage, "ada@example.com", "e1")).await.len(), 0);

    assert_eq!(stage.stack.mail().len(), 1);
    assert!(link(&stage, &ada, Purpose::ResetPassword).is_null());
}

#[tokio::test]
async fn three_an_hour_and_the_next_hour_again() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;
    for hour in 1..=24 {
        for number in 0..5 {
            let message = request(&stage, "ada@example.com", &format!("{hour}/{number}"));
            assert_eq!(deliver(&stage, &message).await.len(), 0);
        }
        assert_eq!(stage.stack.mail().len(), 1 + hour * 3);
        assert!(is_mailed(&stage, &link(&stage, &ada, Purpose::ResetPassword), Purpose::ResetPassword));
        stage.pass(Duration::from_hours(1));
    }
}

#[tokio::test]
async fn a_change_of_address_sends_a_link_to_the_new_and_a_notice_to_the_old() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;
    put(
        &stage,
        &json!({
            "pk": {"S": format!("USER#{ada}")}, "sk": {"S": "LINK#verify-email-change"},
            "bound_to": {"S": "new@example.com"}, "expires_at": {"N": in_a_day(&stage)},
        }),
    );
    let message = event(&ada, 2, "user.email-change-requested");

    for _ in 0..10 {
        assert_eq!(deliver(&stage, &message).await.len(), 0);
    }

    let mails = stage.stack.mail();
    assert_eq!(mails.len(), 3, "each once");
    assert_eq!((mails[1].to[0].as_str(), mails[1].links.len()), ("ada@example.com", 0));
    assert_eq!((mails[2].to[0].as_str(), mails[2].links.len()), ("new@example.com", 1));
    assert!(mails[2].links[0].starts_with("http://127.0.0.1:9000/_local/verify-email-change#token=gpl_"));
    assert!(mails[2].text.contains("24 hours"), "{}", mails[2].text);
    let link = link(&stage, &ada, Purpose::VerifyEmailChange);
    assert!(is_mailed(&stage, &link, Purpose::VerifyEmailChange));
}
