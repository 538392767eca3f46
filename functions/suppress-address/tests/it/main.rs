//! Suppressing addresses, tested from a report of SES to the next mail.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use local::calls::{Call, Fate, Refusal};
use serde_json::{Value, json};
use stage::Stage;

const ADA: &str = "ada@example.com";

fn event() -> Value {
    serde_json::from_str(include_str!("../../event.json")).expect("JSON")
}

fn bounce(kind: &str, recipient: &str) -> Value {
    let mut event = event();
    event["detail"]["bounce"]["bounceType"] = kind.into();
    event["detail"]["bounce"]["bouncedRecipients"][0]["emailAddress"] = recipient.into();
    event
}

fn complaint(kind: &Value, recipient: &str) -> Value {
    let mut event = event();
    let complaint = json!({
        "complainedRecipients": [{"emailAddress": recipient}], "complaintFeedbackType": kind,
        "timestamp": "2026-11-21T03:00:00Z", "feedbackId": "1",
    });
    event["detail"] =
        json!({"eventType": "Complaint", "complaint": complaint, "mail": event["detail"]["mail"]});
    event
}

/// Returns how many mails an address gets for a new registration.
async fn mails(stage: &Stage, email: &str) -> usize {
    let before = stage.stack.mail().len();
    stage.register(email).await.expect(202);
    stage.settle().await;
    stage.stack.mail().len() - before
}

#[tokio::test]
async fn bounces_and_complaints_suppress_the_address() {
    let events = [
        bounce("Permanent", "Ada@Example.com"),
        complaint(&json!("abuse"), ADA),
        complaint(&Value::Null, ADA),
    ];
    for event in events {
        let stage = Stage::new();
        assert_eq!(mails(&stage, ADA).await, 1);

        stage.stack.call("suppress-address", &event).await.expect("an answer");

        assert_eq!(mails(&stage, ADA).await, 0, "{event}");
        assert_eq!(mails(&stage, "bob@example.com").await, 1, "other addresses do");
        assert_eq!(stage.stack.metrics()["AddressesSuppressed"], 1);
        assert_eq!(stage.stack.metrics()["MailsSuppressed"], 1);
    }
}

#[tokio::test]
async fn temporary_bounces_and_not_spam_reports_do_not_suppress_the_address() {
    let events = [
        bounce("Transient", ADA),
        bounce("Undetermined", ADA),
        complaint(&json!("not-spam"), ADA),
        bounce("Permanent", "no address"),
    ];
    for event in events {
        let stage = Stage::new();

        stage.stack.call("suppress-address", &event).await.expect("an answer");

        assert_eq!(mails(&stage, ADA).await, 1, "{event}");
    }
}

#[tokio::test]
async fn reports_of_ses_come_from_the_default_bus() {
    let stage = Stage::new();
    for mailbox in ["bounce+ada", "complaint+ada"] {
        let email = format!("{mailbox}@simulator.amazonses.com");

        assert_eq!((mails(&stage, &email).await, mails(&stage, &email).await), (1, 0), "{email}");
    }
    let away = "ooto+ada@simulator.amazonses.com";
    assert_eq!((mails(&stage, away).await, mails(&stage, away).await), (1, 1));
}

#[tokio::test]
async fn reports_about_mails_of_other_senders_are_ignored() {
    let configuration_set = r#""ses:configuration-set": [!Ref AWS::StackName]"#;
    let template = local::template::OF_THIS_BUILD;
    assert!(template.contains(configuration_set));
    let template = template.replace(configuration_set, r#""ses:configuration-set": [another]"#);
    let stage = Stage::with(|setup| setup.with_template(template));

    let email = "bounce+ada@simulator.amazonses.com";
    assert_eq!((mails(&stage, email).await, mails(&stage, email).await), (1, 1));
}

#[tokio::test]
async fn the_address_is_not_stored() {
    let stage = Stage::new();

    stage.stack.call("suppress-address", bounce("Permanent", ADA)).await.expect("an answer");

    let items = stage.stack.dynamodb("Scan", &json!({"TableName": "Identities"})).expect("items");
    assert_eq!(items["Count"], 1);
    let item = &items["Items"][0];
    assert!(!item.to_string().contains("ada") && !item.to_string().contains("example"), "{item}");
    assert_eq!(item["reason"]["S"], "bounce");
    assert_eq!(item["since"]["N"], "1795230000000");
}

#[tokio::test]
async fn a_failed_write_is_retried() {
    let stage = Stage::with(|setup| {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        setup.watched_by(move |call: &Call| match call.function.as_str() {
            "suppress-address" if calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0 => {
                Fate::Refused(Refusal::ACCESS_DENIED)
            }
            _ => Fate::Proceed,
        })
    });

    let email = "bounce+ada@simulator.amazonses.com";
    assert_eq!((mails(&stage, email).await, mails(&stage, email).await), (1, 0));
}
