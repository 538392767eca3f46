//! `gatepost outbox verify` finds defects, and nothing else.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use crate::operated::{Folder, System, now};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Prepares four delivered events of Ada and one of Bob, in a system whose clock is behind.
async fn prepared(folder: &Folder, ago: Duration) -> (System, String) {
    let system = folder.system(ago);
    let ada = system.user("ada@example.com").await;
    system.user("bob@example.com").await;
    for _ in 0..3 {
        system.leave_pending("ada@example.com").await;
        system.0.pass(Duration::from_secs(1));
    }
    system.0.settle().await;
    (system, ada)
}

/// Returns the kinds of findings, and the exit code.
fn found(folder: &Folder, arguments: &[&str]) -> (Vec<Value>, Option<i32>) {
    let (verified, code) = folder.json(&[&["verify"], arguments].concat());
    let findings = verified["findings"].as_array().expect("findings").iter();
    (findings.map(|finding| finding["finding"].clone()).collect(), code)
}

#[tokio::test]
async fn a_sound_system_has_no_findings() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, HOUR).await;
    system.leave_pending("ada@example.com").await;
    system.0.stack.run_schedule("write-digest").await.expect("a digest");
    drop(system);

    let (verified, code) = folder.json(&["verify"]);

    let expected = json!({
        "users": 2, "events": 6, "pending": 1, "dead": 0, "discarded": 0, "expired": 0, "findings": [],
        "dry_run": false,
    });
    assert_eq!((verified, code), (expected, Some(0)));
    assert_eq!(folder.json(&["verify", "--user", &ada]).0["events"], 5);
    let said = folder.outbox(&["verify", "--user", "00000000-0000-7000-8000-000000000000"]);
    assert_eq!((said.code, said.complaint.contains("found no user")), (Some(1), true));
}

/// A page has at most 1 MB.
#[tokio::test]
async fn many_pages_are_read_to_the_end() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, HOUR).await;
    for sequence in 1..=3 {
        let long = AttributeValue::S("x".repeat(390_000));
        system.forge(&ada, sequence, &[("detail", long)]).await;
    }
    drop(system);

    let (verified, code) = folder.json(&["verify"]);

    assert_eq!((&verified["events"], &verified["findings"], code), (&json!(5), &json!([]), Some(0)));
    let listed = |arguments: &[&str]| folder.json(arguments).0["events"].as_array().map(Vec::len);
    assert_eq!(listed(&["list", "--state", "delivered", "--user", &ada]), Some(4));
    assert_eq!(listed(&["list", "--state", "delivered"]), Some(7), "and of two registrations and Bob");
    assert_eq!(folder.json(&["stats", "--exact"]).0["exact"]["delivered"], 7);
    assert_eq!(folder.json(&["replay", "--user", &ada, "--dry-run"]).0["published"], 4);
    assert_eq!(folder.json(&["replay", "--since", "2020-01-01T00:00:00Z", "--dry-run"]).0["published"], 5);
    assert_eq!(folder.json(&["cleanup", "--days", "1", "--dry-run"]).0["deleted"], 0);
}

#[tokio::test]
async fn missing_events_are_gaps() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, HOUR).await;
    for sequence in [1, 2, 4] {
        system.remove(&ada, sequence).await;
    }
    drop(system);

    let said = folder.outbox(&["verify"]);

    let lines: Vec<_> = said.text.lines().collect();
    assert_eq!(lines[0], format!("user#{ada}: events 1 to 2 are missing"));
    assert_eq!(lines[1], format!("user#{ada}: event 4 is missing"));
    assert_eq!((lines.last(), said.code), (Some(&"2 findings"), Some(3)));
}

#[tokio::test]
async fn expired_events_are_not_gaps() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, DAY * 100).await;
    for sequence in 1..=4 {
        system.remove(&ada, sequence).await;
    }
    drop(system);

    let (verified, code) = folder.json(&["verify"]);

    assert_eq!((&verified["expired"], &verified["findings"], code), (&json!(4), &json!([]), Some(0)));
    let (for_ever, code) = folder.json(&["verify", "--retention-days", "0"]);
    assert_eq!((for_ever["findings"][0]["finding"].as_str(), code), (Some("missing"), Some(3)));
}

#[tokio::test]
async fn events_after_a_kept_one_have_not_expired() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, DAY * 100).await;
    system.remove(&ada, 1).await;
    drop(system);
    let system = folder.system(DAY);
    system.leave_pending("ada@example.com").await;
    system.leave_pending("ada@example.com").await;
    system.0.settle().await;
    system.remove(&ada, 6).await;
    drop(system);

    let (verified, _) = folder.json(&["verify"]);

    assert_eq!(verified["expired"], 1);
    assert_eq!(verified["findings"][0]["text"], format!("user#{ada}: event 6 is missing"));
}

#[tokio::test]
async fn forged_events_are_found() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, HOUR).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let number = |number: &str| AttributeValue::N(number.to_owned());
    let id = |last: u32| text(&format!("00000000-0000-7000-8000-00000000000{last}"));
    let nobody = "user#00000000-0000-7000-8000-000000000000";
    system.forge(&ada, 4, &[("seq", number("5")), ("event_id", id(1))]).await;
    system.forge(&ada, 4, &[("stream", text(nobody)), ("event_id", id(2))]).await;
    system.forge(&ada, 4, &[("stream", text("odd#1")), ("event_id", id(3))]).await;
    system
        .forge(&ada, 4, &[("stream", text("registration#1")), ("seq", number("2")), ("event_id", id(4))])
        .await;
    system.forge(&ada, 3, &[("seq", number("2"))]).await;
    drop(system);

    let (mut findings, code) = found(&folder, &[]);

    findings.sort_by_key(Value::to_string);
    assert_eq!(findings, ["beyond-version", "beyond-version", "no-user", "repeated-id", "unknown-stream"]);
    assert_eq!(code, Some(3));
    assert_eq!(found(&folder, &["--user", &ada]).0, ["beyond-version", "repeated-id"]);
}

#[tokio::test]
async fn an_unreadable_event_is_found_and_stops_nothing() {
    let folder = Folder::new();
    let (system, ada) = prepared(&folder, HOUR).await;
    system.forge(&ada, 2, &[("created_at", AttributeValue::S("today".to_owned()))]).await;
    drop(system);

    let (verified, code) = folder.json(&["verify"]);

    assert_eq!(code, Some(3));
    let texts: Vec<_> =
        verified["findings"].as_array().expect("findings").iter().map(|f| &f["text"]).collect();
    assert_eq!(texts, [&json!(format!("user#{ada} 2: its `created_at` cannot be read"))]);
}

#[tokio::test]
async fn a_lost_mark_is_a_finding_only_if_the_sweeper_misses_it() {
    let folder = Folder::new();
    for (ago, expected) in [(Duration::from_mins(10), vec![]), (HOUR * 2, vec![json!("overtaken")])] {
        let email = format!("ada{}@example.com", ago.as_secs());
        let system = folder.system(ago);
        let ada = system.user(&email).await;
        system.leave_pending(&email).await;
        system.leave_pending(&email).await;
        let third = crate::operated::key(&ada, 3);
        system.outbox().delivered(&third, "e1", now().minus(ago)).await.expect("marked");
        drop(system);

        assert_eq!(found(&folder, &["--user", &ada]).0, expected, "{ago:?}");
    }
}
