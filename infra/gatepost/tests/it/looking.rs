//! `gatepost outbox stats` and `list`, and the common behaviour of all commands.

use std::{fs, time::Duration};

use serde_json::json;

use crate::{
    operated::{Folder, now},
    process::{Running, dev},
};

const HOURS: Duration = Duration::from_hours(2);

/// Prepares events of Ada: the second has been pending for two hours, the third is dead.
async fn prepared(folder: &Folder) -> String {
    let system = folder.system(HOURS);
    let ada = system.user("ada@example.com").await;
    system.leave_pending("ada@example.com").await;
    system.leave_pending("ada@example.com").await;
    system.bury(&ada, 3).await;
    ada
}

#[tokio::test]
async fn stats_count_pending_and_dead_events() {
    let folder = Folder::new();
    prepared(&folder).await;

    let (stats, code) = folder.json(&["stats"]);

    assert_eq!(code, Some(0));
    for (name, count) in [("pending", 1), ("postponed", 0), ("overdue", 1), ("dead", 1)] {
        assert_eq!(stats[name], count, "{name} in {stats}");
    }
    assert!(stats["oldest_pending_seconds"].as_u64() >= Some(HOURS.as_secs()), "{stats}");
    assert_eq!(stats["shards"].as_array().map(Vec::len), Some(16));
    assert_eq!(stats["exact"], json!(null));
    let (stats, _) = folder.json(&["stats", "--exact"]);
    let exact =
        json!({"pending": 1, "dead": 1, "delivered": 2, "discarded": 0, "quarantined": 0, "unreadable": 0});
    assert_eq!(stats["exact"], exact, "a registration's, and Ada's first");

    let said = folder.outbox(&["stats"]);
    let lines: Vec<Vec<&str>> = said.text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[..3], [["pending", "1"], ["postponed", "0"], ["overdue", "1"]]);
    assert_eq!(lines[3][..4], ["oldest", "2", "h", "0"]);
    assert_eq!(lines[4], ["dead", "1"]);
}

#[tokio::test]
async fn a_list_has_the_events_and_their_errors() {
    let folder = Folder::new();
    let ada = prepared(&folder).await;

    let (pending, _) = folder.json(&["list"]);
    let (dead, code) = folder.json(&["list", "--state", "dead"]);
    let (delivered, _) = folder.json(&["list", "--state", "delivered", "--user", &ada]);

    assert_eq!(code, Some(0));
    let events = [&pending, &dead, &delivered].map(|list| &list["events"][0]);
    for (event, (sequence, state)) in events.iter().zip([(2, "pending"), (3, "dead"), (1, "delivered")]) {
        assert_eq!(event["stream"], format!("user#{ada}"));
        assert_eq!((&event["sequence"], &event["state"]), (&json!(sequence), &json!(state)));
    }
    assert_eq!(dead["events"][0]["last_error"], "InternalFailure");
    assert_eq!(dead["more"], false);
    let said = folder.outbox(&["list", "--state", "dead"]);
    let line = format!(
        "user#{ada} 3  2 h 0 min old  session.started  1 attempts, the last: InternalFailure\n1 dead\n"
    );
    assert_eq!(said.text, line);
    assert!(!said.text.contains("ada@example.com"), "nothing personal");
}

#[tokio::test]
async fn a_list_respects_its_limit() {
    let folder = Folder::new();
    {
        let system = folder.system(HOURS);
        system.user("ada@example.com").await;
        for _ in 0..3 {
            system.leave_pending("ada@example.com").await;
            system.0.pass(Duration::from_secs(1));
        }
    }

    let (list, _) = folder.json(&["list", "--limit", "2"]);

    assert_eq!(list["more"], true);
    let sequences: Vec<_> =
        list["events"].as_array().expect("events").iter().map(|e| &e["sequence"]).collect();
    assert_eq!(sequences, [2, 3], "the oldest first");
    assert_eq!(folder.json(&["list", "--limit", "3"]).0["more"], false);
}

#[tokio::test]
async fn quarantined_records_are_listed_until_they_are_discarded() {
    let folder = Folder::new();
    {
        let system = folder.system(HOURS);
        system.outbox().quarantine(("7", None), "{}", now()).await.expect("put away");
    }

    let (list, _) = folder.json(&["list", "--state", "quarantined"]);
    let event = &list["events"][0];
    assert_eq!((&event["stream"], &event["sequence"]), (&json!("quarantine#7"), &json!(1)));

    let (discarded, code) = folder.json(&["discard", "--event", "quarantine#7", "1", "--yes"]);
    assert_eq!((discarded["discarded"].as_array().map(Vec::len), code), (Some(1), Some(0)));
    assert_eq!(folder.json(&["list", "--state", "quarantined"]).0["events"], json!([]));
}

#[test]
fn a_folder_that_is_in_use_or_empty_is_one_sentence() {
    let folder = Folder::new();
    let running = Running::start(dev(&folder.0, &["--port", "0", "--data", "data"]));
    let said = folder.outbox(&["stats"]);
    assert_eq!((said.code, said.complaint.lines().count()), (Some(1), 1), "{}", said.complaint);
    assert!(said.complaint.contains("is used by another process"), "{}", said.complaint);
    drop(running);

    assert_eq!(folder.outbox(&["stats"]).code, Some(0));
    fs::remove_dir_all(folder.0.data()).expect("removed");
    let said = folder.outbox(&["stats"]);
    assert_eq!((said.code, said.complaint.lines().count()), (Some(1), 1), "{}", said.complaint);
    assert!(said.complaint.contains("found no data in data"), "{}", said.complaint);
    assert!(!folder.0.data().exists(), "reading creates no folder");
}

#[test]
fn contradictory_options_are_wrong_usage() {
    let folder = Folder::new();

    assert_eq!(folder.outbox(&["stats", "--stack", "gatepost"]).code, Some(2), "not both");
    assert_eq!(folder.outbox(&["stats", "--profile", "p"]).code, Some(2), "a folder has no profile");
    assert_eq!(folder.outbox(&["stats", "--bus", "Bus"]).code, Some(2), "a folder has its bus");
    assert_eq!(folder.outbox(&["list", "--state", "odd"]).code, Some(2));
    assert_eq!(folder.outbox(&["list", "--user", "odd"]).code, Some(2));
    assert_eq!(folder.outbox(&["requeue"]).code, Some(2), "which?");
    assert_eq!(folder.outbox(&["cleanup", "--days", "0"]).code, Some(2));
    assert_eq!(folder.outbox(&["replay"]).code, Some(2), "which?");
    assert_eq!(folder.outbox(&["replay", "--since", "yesterday"]).code, Some(2));
}
