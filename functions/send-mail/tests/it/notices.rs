//! Notices: their recipients and contents.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::calls::{Fate, Refusal};
use serde_json::{Value, json};
use stage::Stage;

use crate::{deliver, stage};

const NOTICES: [(&str, &str); 7] = [
    ("user.email-change-requested", "Another e-mail address was asked for at Gatepost"),
    ("user.email-changed", "Your e-mail address for Gatepost was changed"),
    ("user.password-changed", "Your password for Gatepost was changed"),
    ("user.password-reset", "A new password was chosen for Gatepost"),
    ("user.deletion-requested", "Your account with Gatepost will be erased"),
    ("user.suspended", "Your account with Gatepost was suspended"),
    ("user.reactivated", "You can use your account with Gatepost again"),
];

/// Creates a user. Returns the id.
pub(crate) async fn user(stage: &Stage, email: &str) -> String {
    stage.registered(email).await["id"].as_str().expect("an id").to_owned()
}

/// Returns an event of a user, as the queue delivers it.
pub(crate) fn event(user: &str, sequence: u64, kind: &str) -> String {
    let detail = json!({
        "specversion": "1.0", "id": format!("event-{sequence}"), "type": kind, "subject": format!("user#{user}"),
        "time": "2026-11-21T03:00:00Z", "sequence": sequence.to_string(), "epoch": 1, "correlationid": "c",
        "data": {},
    });
    json!({"detail": detail}).to_string()
}

/// Records an address that the change `version` has replaced.
fn had(stage: &Stage, user: &str, version: u64, email: &str) {
    let item = json!({
        "pk": {"S": format!("USER#{user}")}, "sk": {"S": format!("FORMER_EMAIL#{version:020}")},
        "email": {"S": email}, "expires_at": {"N": "1800000000000"}, "ttl": {"N": "1800000000"},
    });
    stage.stack.dynamodb("PutItem", &json!({"TableName": "Identities", "Item": item})).expect("an item");
}

/// Marks a user for erasure on 21 December 2026 at 04:05.
fn will_be_erased(stage: &Stage, user: &str) {
    let update = json!({
        "TableName": "Identities",
        "Key": {"pk": {"S": format!("USER#{user}")}, "sk": {"S": "USER"}},
        "UpdateExpression": "SET #status = :status, #at = :at",
        "ExpressionAttributeNames": {"#status": "status", "#at": "erase_at"},
        "ExpressionAttributeValues": {":status": {"S": "deleting"}, ":at": {"N": "1797825906000"}},
    });
    stage.stack.dynamodb("UpdateItem", &update).expect("updated");
}

/// Returns the recipients and subjects of all mails after the first `known`.
fn mailed(stage: &Stage, known: usize) -> Vec<(String, String)> {
    let mails = stage.stack.mail().into_iter().skip(known);
    mails.map(|mail| (mail.to[0].clone(), mail.subject)).collect()
}

fn to(email: &str, subject: &str) -> (String, String) {
    (email.to_owned(), subject.to_owned())
}

#[tokio::test]
async fn each_notice_is_sent_once_for_repeated_events_in_any_order() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;
    will_be_erased(&stage, &ada);

    for _ in 0..5 {
        let events = NOTICES.iter().zip(2..).map(|((kind, _), sequence)| event(&ada, sequence, kind));
        let forwards: Vec<_> = events.collect();
        for message in forwards.iter().chain(forwards.iter().rev()) {
            assert_eq!(deliver(&stage, message).await, Vec::<Value>::new());
        }
    }

    let expected: Vec<_> = NOTICES.iter().map(|(_, subject)| to("ada@example.com", subject)).collect();
    assert_eq!(mailed(&stage, 1), expected);
    let (mails, links) = (stage.stack.mail(), |mail: &local::Mail| mail.links.len());
    assert!(mails[1..].iter().all(|mail| links(mail) == 0), "no notice asks to follow a link");
    assert!(mails[3].text.contains("2026-11-21, 03:00 UTC"), "when it happened: {}", mails[3].text);
    assert!(mails[5].text.contains("2026-12-21, 04:05 UTC"), "when it will be: {}", mails[5].text);
}

#[tokio::test]
async fn a_change_of_address_notifies_both_addresses() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "new@example.com").await;
    had(&stage, &ada, 7, "old@example.com");

    deliver(&stage, &event(&ada, 7, "user.email-changed")).await;

    let subject = "Your e-mail address for Gatepost was changed";
    assert_eq!(mailed(&stage, 1), [to("old@example.com", subject), to("new@example.com", subject)]);
}

#[tokio::test]
async fn a_late_notice_goes_to_the_address_at_the_time_of_the_event() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "thief@example.com").await;
    had(&stage, &ada, 7, "ada@example.com");
    had(&stage, &ada, 12, "accomplice@example.com");

    for sequence in [5, 6, 8, 13] {
        deliver(&stage, &event(&ada, sequence, "user.password-changed")).await;
    }

    let told: Vec<_> = mailed(&stage, 1).into_iter().map(|(to, _)| to).collect();
    assert_eq!(told, ["ada@example.com", "ada@example.com", "accomplice@example.com", "thief@example.com"]);
}

#[tokio::test]
async fn a_failed_mail_does_not_prevent_the_other_of_its_event() {
    let is_open = Arc::new(AtomicBool::new(false));
    let opened = Arc::clone(&is_open);
    let stage = stage(move |call| {
        let to_new = call.request["Destination"]["ToAddresses"][0] == "new@example.com";
        let is_notice = call.request.to_string().contains("was changed");
        let refused = to_new && is_notice && !opened.load(SeqCst);
        if refused { Fate::Refused(Refusal { status: 400, code: "MessageRejected" }) } else { Fate::Proceed }
    });
    let ada = user(&stage, "new@example.com").await;
    had(&stage, &ada, 7, "old@example.com");
    let message = event(&ada, 7, "user.email-changed");

    for _ in 0..3 {
        assert_eq!(deliver(&stage, &message).await.len(), 1, "it is retried");
    }
    assert_eq!(mailed(&stage, 1).len(), 1, "the old address gets one mail");
    is_open.store(true, SeqCst);
    assert_eq!(deliver(&stage, &message).await.len(), 0);

    let told: Vec<_> = mailed(&stage, 1).into_iter().map(|(to, _)| to).collect();
    assert_eq!(told, ["old@example.com", "new@example.com"]);
}

#[tokio::test]
async fn events_older_than_the_receipts_send_no_notice() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;

    stage.pass(Duration::from_hours(14 * 24) - Duration::from_millis(1));
    assert_eq!(deliver(&stage, &event(&ada, 2, "user.password-changed")).await.len(), 0);
    stage.pass(Duration::from_millis(1));
    assert_eq!(deliver(&stage, &event(&ada, 3, "user.password-changed")).await.len(), 0);

    assert_eq!(mailed(&stage, 1).len(), 1);
}

#[tokio::test]
async fn a_canceled_deletion_sends_no_notice_of_erasure() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;

    assert_eq!(deliver(&stage, &event(&ada, 2, "user.deletion-requested")).await.len(), 0);

    assert_eq!(mailed(&stage, 1), []);
}

#[tokio::test]
async fn an_erased_user_gets_no_mail() {
    let stage = stage(|_| Fate::Proceed);
    let nobody = "0193e7a0-0000-7000-8000-000000000000";

    for (kind, _) in NOTICES {
        assert_eq!(deliver(&stage, &event(nobody, 2, kind)).await.len(), 0);
    }

    assert_eq!(stage.stack.mail().len(), 0);
}

#[tokio::test]
async fn notices_have_no_cap() {
    let stage = stage(|_| Fate::Proceed);
    let ada = user(&stage, "ada@example.com").await;

    for sequence in 2..42 {
        deliver(&stage, &event(&ada, sequence, "user.email-change-requested")).await;
    }
    deliver(&stage, &event(&ada, 42, "user.email-changed")).await;

    assert_eq!(mailed(&stage, 1).len(), 41);
}
