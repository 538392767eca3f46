//! `gatepost outbox retry-failed`, `requeue`, `discard` and `cleanup`.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use store::OutboxItem;

use crate::operated::{Folder, key, now};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Prepares a dead event of Ada, her second, and a delivered third one.
async fn with_a_dead_event(folder: &Folder) -> String {
    let system = folder.system(HOUR);
    let ada = system.user("ada@example.com").await;
    system.leave_pending("ada@example.com").await;
    system.bury(&ada, 2).await;
    system.leave_pending("ada@example.com").await;
    drop(system);
    assert_eq!(folder.json(&["flush"]).0["published"], 1);
    ada
}

#[tokio::test]
async fn a_postponed_event_becomes_due_immediately() {
    let folder = Folder::new();
    let ada = {
        let system = folder.system(HOUR);
        let ada = system.user("ada@example.com").await;
        system.leave_pending("ada@example.com").await;
        system.leave_pending("ada@example.com").await;
        let later = now().plus(HOUR);
        system.outbox().postponed(&key(&ada, 2), 3, "InternalFailure", later).await.expect("put off");
        ada
    };
    let is_due = async |folder: &Folder| {
        let second = folder.system(HOUR).item(&ada, 2).await;
        assert_eq!(second.get("attempts"), Some("3"), "the number of attempts is kept");
        second.moment("next_attempt_at") <= now()
    };

    let (document, code) = folder.json(&["retry-failed", "--dry-run"]);
    let due = json!([{"stream": format!("user#{ada}"), "sequence": 2}]);
    assert_eq!((document, code), (json!({"due": due, "left": [], "dry_run": true}), Some(0)));
    assert!(!is_due(&folder).await, "a dry run does nothing");

    let said = folder.outbox(&["retry-failed"]);
    assert_eq!((said.text, said.code), (format!("due user#{ada} 2\ndue 1 in all\n"), Some(0)));
    assert!(is_due(&folder).await);
    assert_eq!(folder.json(&["flush"]).0["published"], 2, "it, and the one behind it");
    assert_eq!(folder.json(&["retry-failed"]).0["due"], json!([]));
}

#[tokio::test]
async fn changes_need_a_confirmation() {
    let folder = Folder::new();
    let ada = with_a_dead_event(&folder).await;

    for command in [
        &["requeue", "--all"][..],
        &["discard", "--all"],
        &["cleanup", "--days", "1"],
        &["replay", "--user", &ada],
    ] {
        let said = folder.outbox(command);
        assert_eq!((said.code, said.text.as_str()), (Some(4), ""), "{command:?}");
        assert!(said.complaint.ends_with("pass --yes to confirm\n"), "{}", said.complaint);
    }

    let system = folder.system(HOUR);
    assert_eq!(system.item(&ada, 2).await.get("state"), Some("dead"));
    assert_eq!(system.published(&ada).len(), 2);
}

#[tokio::test]
async fn a_dead_event_can_be_requeued() {
    let folder = Folder::new();
    let ada = with_a_dead_event(&folder).await;
    let stream = format!("user#{ada}");

    let said = folder.outbox(&["requeue", "--all", "--dry-run"]);
    assert_eq!(said.text, format!("would requeue {stream} 2\nwould requeue 1 in all\n"));
    assert_eq!(folder.system(HOUR).item(&ada, 2).await.get("state"), Some("dead"));

    let (document, code) = folder.json(&["requeue", "--event", &stream, "2", "--yes"]);
    let requeued = json!([{"stream": stream, "sequence": 2}]);
    assert_eq!((document, code), (json!({"requeued": requeued, "left": [], "dry_run": false}), Some(0)));
    let system = folder.system(HOUR);
    let event = system.item(&ada, 2).await;
    assert_eq!((event.get("state"), event.get("attempts")), (Some("pending"), Some("0")));
    let long_ago = AttributeValue::N(now().minus(HOUR).millis().to_string());
    system.forge(&ada, 3, &[("delivered_at", long_ago)]).await;
    drop(system);
    assert_eq!(
        folder.json(&["verify"]).0["findings"],
        json!([]),
        "the operator made it wait behind the third"
    );

    assert_eq!(folder.json(&["flush"]).0["published"], 1);
    let system = folder.system(HOUR);
    let sequences = system.published(&ada).into_iter().map(|detail| detail["sequence"].clone());
    assert_eq!(sequences.collect::<Vec<_>>(), ["000000000001", "000000000003", "000000000002"]);
    assert_eq!(system.item(&ada, 2).await.get("state"), Some("delivered"));
}

#[tokio::test]
async fn only_dead_events_are_requeued() {
    let folder = Folder::new();
    let ada = with_a_dead_event(&folder).await;
    let stream = format!("user#{ada}");

    for command in ["requeue", "discard"] {
        for sequence in ["1", "9"] {
            let said = folder.outbox(&[command, "--event", &stream, sequence, "--yes"]);
            assert_eq!(said.code, Some(3), "{command} {sequence}");
            assert!(
                said.text.starts_with(&format!("skipped {stream} {sequence}: it is not dead")),
                "{}",
                said.text
            );
        }
    }
    assert_eq!(folder.outbox(&["discard", "--event", &stream, "first", "--yes"]).code, Some(1));
    assert_eq!(folder.system(HOUR).item(&ada, 1).await.get("state"), Some("delivered"));
}

/// Relay and sweeper run between the read and the write.
#[tokio::test]
async fn concurrent_changes_are_not_overwritten() {
    let folder = Folder::new();
    let system = folder.system(HOUR);
    let (ada, outbox) = (system.user("ada@example.com").await, system.outbox());
    system.leave_pending("ada@example.com").await;
    outbox.postponed(&key(&ada, 2), 1, "InternalFailure", now().plus(HOUR)).await.expect("put off");
    let Some(OutboxItem::Event(seen)) = outbox.item(&key(&ada, 2)).await.expect("an answer") else {
        panic!("an event");
    };
    outbox.postponed(&key(&ada, 2), 2, "InternalFailure", now().plus(HOUR * 2)).await.expect("put off");

    assert!(!outbox.retry(&seen, now()).await.expect("an answer"));
    for sequence in 1..=3 {
        assert!(!outbox.requeue(&key(&ada, sequence), now()).await.expect("an answer"), "{sequence}");
        assert!(!outbox.discard(&key(&ada, sequence), now()).await.expect("an answer"), "{sequence}");
    }

    let second = system.item(&ada, 2).await;
    assert_eq!((second.get("state"), second.get("attempts")), (Some("pending"), Some("2")));
    assert!(second.moment("next_attempt_at") > now().plus(HOUR));
    assert_eq!(system.item(&ada, 1).await.get("state"), Some("delivered"));
    assert_eq!(system.item(&ada, 3).await.get("seq"), None, "no event is created");
}

#[tokio::test]
async fn a_discarded_event_leaves_a_record() {
    let folder = Folder::new();
    let ada = with_a_dead_event(&folder).await;

    let said = folder.outbox(&["discard", "--all", "--yes"]);

    assert_eq!((said.text, said.code), (format!("discarded user#{ada} 2\ndiscarded 1 in all\n"), Some(0)));
    let event = folder.system(HOUR).item(&ada, 2).await;
    assert_eq!(
        (event.get("state"), event.get("due_pk"), event.get("due_sk")),
        (Some("discarded"), None, None)
    );
    let kept: i64 = event.get("ttl").and_then(|ttl| ttl.parse().ok()).expect("an end");
    assert!(kept > now().plus(DAY * 89).seconds(), "as long as a delivered one");
    assert_eq!(folder.json(&["list", "--state", "discarded"]).0["events"][0]["sequence"], 2);
    let (verified, code) = folder.json(&["verify"]);
    assert_eq!((&verified["discarded"], code), (&json!(1), Some(0)), "no gap without a reason");
    assert_eq!(folder.json(&["stats"]).0["dead"], 0);
}

#[tokio::test]
async fn discarded_events_without_retention_do_not_expire() {
    let folder = Folder::new();
    let ada = with_a_dead_event(&folder).await;
    assert_eq!(folder.outbox(&["discard", "--all", "--yes", "--retention-days", "0"]).code, Some(0));
    let event = folder.system(HOUR).item(&ada, 2).await;
    assert_eq!((event.get("state"), event.get("ttl")), (Some("discarded"), None));
}

#[tokio::test]
async fn only_events_that_were_settled_long_ago_are_cleaned_up() {
    let folder = Folder::new();
    let ada = {
        let system = folder.system(DAY * 10);
        let ada = system.user("ada@example.com").await;
        for _ in 0..30 {
            system.leave_pending("ada@example.com").await;
            // Each user may log in only this often.
            system.0.pass(Duration::from_mins(1));
        }
        system.0.settle().await;
        // The 32nd event is dead, the 33rd pending, and the 34th and 35th were delivered yesterday.
        system.leave_pending("ada@example.com").await;
        system.bury(&ada, 32).await;
        system.leave_pending("ada@example.com").await;
        ada
    };
    {
        let system = folder.system(DAY);
        let outbox = system.outbox();
        system.leave_pending("ada@example.com").await;
        outbox.delivered(&key(&ada, 34), "e1", now().minus(DAY)).await.expect("marked");
    }

    let said = folder.outbox(&["cleanup", "--days", "5", "--dry-run"]);
    assert_eq!(said.text, "would delete 32 events\n", "31 of Ada's, and her registration's");
    assert_eq!(folder.json(&["stats", "--exact"]).0["exact"]["delivered"], 33);

    let said = folder.outbox(&["cleanup", "--days", "5", "--yes"]);
    assert_eq!((said.text.as_str(), said.code), ("deleted 32 events\n", Some(0)));
    let exact = &folder.json(&["stats", "--exact"]).0["exact"];
    assert_eq!((&exact["delivered"], &exact["dead"], &exact["pending"]), (&json!(1), &json!(1), &json!(1)));

    let (verified, code) = folder.json(&["verify"]);
    assert_eq!((verified["findings"][0]["finding"].as_str(), code), (Some("missing"), Some(3)));
    let (verified, code) = folder.json(&["verify", "--days", "5"]);
    assert_eq!(
        (&verified["expired"], &verified["findings"][0]["finding"]),
        (&json!(31), &json!("overtaken"))
    );
    assert_eq!(code, Some(3), "the 33rd is pending although the 34th was delivered");
}
