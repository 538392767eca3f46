//! The weekly status report: its recipient and its content.

use local::calls::Fate;
use serde_json::{Value, json};
use stage::Stage;

use crate::deliver;

const RECIPIENT: &str = "operators@example.com";

fn stage(recipient: &str) -> Stage {
    Stage::with(|setup| setup.with_parameter("DigestRecipient", recipient))
}

fn digest(data: &Value) -> String {
    let detail = json!({
        "specversion": "1.0", "id": "event-1", "type": "digest.written", "subject": "digest#2026-11-16",
        "time": "2026-11-21T03:00:00Z", "sequence": "1", "epoch": 1, "correlationid": "c", "data": data,
    });
    json!({"detail": detail}).to_string()
}

/// Returns the data of the first report of a system.
fn first() -> Value {
    json!({
        "users": {"active": 1204, "suspended": 3, "deleting": 1},
        "waiting_events": 7, "dead_events": 5, "failed_tasks": ["rotate-keys", "erase-users"], "late_tasks": [],
    })
}

/// Returns the last word of the line with this beginning.
fn said<'a>(text: &'a str, line: &str) -> &'a str {
    let found = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    found.unwrap_or_else(|| panic!("no line begins with {line}: {text}")).trim()
}

#[tokio::test]
async fn it_is_mailed_once_to_the_configured_recipient() {
    let stage = stage(RECIPIENT);
    let mut later = first();
    later["change"] = json!({"active": 12, "suspended": -1, "deleting": 0});
    later["since"] = "2026-11-14T06:00:00Z".into();
    later["newest_key_at"] = "2026-10-22T03:00:00Z".into();

    for _copy in 0..3 {
        assert_eq!(deliver(&stage, &digest(&later)).await, Vec::<Value>::new());
    }

    let mails = stage.stack.mail();
    assert_eq!(mails.len(), 1);
    assert_eq!((&*mails[0].to[0], &*mails[0].subject), (RECIPIENT, "Gatepost: weekly status report"));
    let text = &mails[0].text;
    assert_eq!(said(text, "Users who may sign in"), "1204 (+12)");
    assert_eq!(said(text, "Users who are suspended"), "3 (-1)");
    assert_eq!(said(text, "Users who wait to be erased"), "1");
    assert_eq!(said(text, "Events that wait for the bus"), "7");
    assert_eq!(said(text, "Events that are dead"), "5");
    assert_eq!(said(text, "Tasks whose last run failed"), "rotate-keys, erase-users");
    assert_eq!(said(text, "Newest signing key, published"), "2026-10-22, 03:00 UTC");
    assert!(text.contains("the last\nreport, 2026-11-14, 06:00 UTC."), "{text}");
}

#[tokio::test]
async fn missing_values_of_the_first_report_are_dashes() {
    let stage = stage(RECIPIENT);

    deliver(&stage, &digest(&first())).await;

    let text = &stage.stack.mail()[0].text;
    assert_eq!(said(text, "Users who may sign in"), "1204");
    assert_eq!(said(text, "Tasks that are late"), "–");
    assert_eq!(said(text, "Newest change that is counted"), "–");
    assert!(text.contains("the last\nreport, –."), "{text}");
}

#[tokio::test]
async fn it_is_not_mailed_without_a_recipient() {
    let stage = stage("");

    assert_eq!(deliver(&stage, &digest(&first())).await, Vec::<Value>::new());

    assert!(stage.stack.mail().is_empty());
}

#[tokio::test]
async fn events_cannot_choose_the_recipient_and_malformed_ones_fail() {
    let stage = stage(RECIPIENT);
    let mut hostile = first();
    for name in ["recipient", "email", "to", "digest_recipient"] {
        hostile[name] = "eve@example.com".into();
    }
    hostile["failed_tasks"] = json!(["<b>rotate-keys</b>"]);
    deliver(&stage, &digest(&hostile)).await;
    let mail = &stage.stack.mail()[0];
    assert_eq!(mail.to, [RECIPIENT]);
    assert!(mail.html.as_deref().is_some_and(|html| html.contains("&lt;b&gt;rotate-keys")));

    let nothing = digest(&json!({"users": "many"})).replace("event-1", "event-2");
    assert_eq!(deliver(&stage, &nothing).await.len(), 1);
    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn a_refused_report_is_retried() {
    let stage = Stage::with(|setup| {
        let first = std::sync::atomic::AtomicBool::new(true);
        setup.with_parameter("DigestRecipient", RECIPIENT).watched_by(move |call| match &*call.operation {
            "SendEmail" if first.swap(false, std::sync::atomic::Ordering::SeqCst) => Fate::RequestLost,
            _ => Fate::Proceed,
        })
    });

    assert_eq!(deliver(&stage, &digest(&first())).await.len(), 1);
    assert_eq!(deliver(&stage, &digest(&first())).await, Vec::<Value>::new());

    assert_eq!(stage.stack.mail().len(), 1);
}

#[tokio::test]
async fn an_invalid_recipient_is_refused_at_the_start() {
    let stage = stage("operators");
    let failed =
        stage.stack.call("send-mail", json!({"Records": []})).await.expect_err("refused").to_string();
    assert!(failed.contains("DIGEST_RECIPIENT is not an e-mail address"), "{failed}");
}
