//! `gatepost outbox flush` and `replay`.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::Duration,
};

use aws_sdk_dynamodb::types::AttributeValue;
use local::Request;
use serde_json::{Value, json};
use stage::{PASSWORD, Tokens};

use crate::operated::{Folder, now};

const HOUR: Duration = Duration::from_hours(1);

/// Prepares three new pending events of Ada, and one of Bob.
async fn with_pending_events(folder: &Folder) -> String {
    let system = folder.system(Duration::from_secs(10));
    let ada = system.user("ada@example.com").await;
    system.user("bob@example.com").await;
    for email in ["ada@example.com", "ada@example.com", "bob@example.com", "ada@example.com"] {
        system.leave_pending(email).await;
    }
    ada
}

fn sequences(details: &[Value]) -> Vec<u64> {
    let sequence = |detail: &Value| detail["sequence"].as_str().and_then(|text| text.parse().ok());
    details.iter().filter_map(sequence).collect()
}

#[tokio::test]
async fn a_flush_publishes_pending_events_in_order() {
    let folder = Folder::new();
    let ada = with_pending_events(&folder).await;

    assert_eq!(folder.json(&["flush", "--dry-run"]), (json!({"due": 4, "dry_run": true}), Some(0)));
    assert_eq!(folder.json(&["stats"]).0["pending"], 4, "a dry run does nothing");

    let (flushed, code) = folder.json(&["flush", "--batch-size", "1"]);
    assert_eq!((&flushed["published"], code), (&json!(4), Some(0)), "all of them, round by round");
    let system = folder.system(HOUR);
    assert_eq!(sequences(&system.published(&ada)), [1, 2, 3, 4]);
    assert_eq!(system.item(&ada, 4).await.get("state"), Some("delivered"));
    drop(system);
    let said = folder.outbox(&["flush"]);
    assert_eq!((said.text.as_str(), said.code), ("published 0 events, postponed 0, 0 are dead\n", Some(0)));
}

#[tokio::test]
async fn a_flush_and_the_sweeper_exclude_each_other() {
    let folder = Folder::new();
    with_pending_events(&folder).await;
    let lease = async |held: bool| {
        let outbox = folder.system(HOUR).outbox();
        if held {
            assert!(outbox.take_lease("sweep", "somebody", now(), HOUR).await.expect("an answer"));
        } else {
            outbox.give_lease_back("sweep", "somebody").await.expect("an answer");
        }
    };

    lease(true).await;
    let said = folder.outbox(&["flush"]);
    assert_eq!((said.code, said.complaint.lines().count()), (Some(1), 1), "{}", said.complaint);
    assert!(said.complaint.contains("the sweeper or another flush is running"), "{}", said.complaint);
    assert_eq!(folder.json(&["stats"]).0["pending"], 4);

    lease(false).await;
    assert_eq!(folder.json(&["flush"]).0["published"], 4);
}

#[tokio::test]
async fn a_continuous_flush_runs_until_ctrl_c() {
    let folder = Folder::new();
    with_pending_events(&folder).await;

    let mut command =
        folder.command(&["flush", "--continuous", "--interval", "1", "--batch-size", "3", "--json"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it runs");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut published = || -> Value {
        let line = lines.next().expect("a round").expect("text");
        serde_json::from_str::<Value>(&line).expect("JSON")["published"].clone()
    };

    assert_eq!([published(), published(), published()], [3, 1, 0]);
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(killed.expect("kill runs").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    assert_eq!(folder.json(&["flush"]).1, Some(0), "the lease is released");
}

#[tokio::test]
async fn a_replay_publishes_the_same_events_again() {
    let folder = Folder::new();
    let (ada, before, delivered_at) = {
        let system = folder.system(HOUR);
        let ada = system.user("ada@example.com").await;
        system.user("bob@example.com").await;
        system.leave_pending("ada@example.com").await;
        system.0.settle().await;
        system.leave_pending("ada@example.com").await;
        let delivered_at = system.item(&ada, 1).await.moment("delivered_at");
        (ada.clone(), system.published(&ada), delivered_at)
    };
    let arguments = ["replay", "--user", &ada, "--yes"];

    let said = folder.outbox(&[&arguments[..], &["--dry-run"]].concat());
    assert_eq!((said.text.as_str(), said.code), ("would publish 2 events of 1 users again\n", Some(0)));
    assert_eq!(folder.system(HOUR).published(&ada), before);

    let (replayed, code) = folder.json(&arguments);
    let expected = json!({"published": 2, "users": 1, "refused": [], "stopped": null, "dry_run": false});
    assert_eq!((replayed, code), (expected, Some(0)));
    let system = folder.system(HOUR);
    assert_eq!(
        system.published(&ada),
        [&before[..], &before[..]].concat(),
        "same ids, same bytes, same order"
    );
    assert_eq!(system.item(&ada, 1).await.moment("delivered_at"), delivered_at);
    assert_eq!(system.item(&ada, 3).await.get("state"), Some("pending"), "pending events are not replayed");
}

#[tokio::test]
async fn a_replay_of_all_users_respects_its_times_and_sends_no_mail() {
    let folder = Folder::new();
    let ada = {
        let system = folder.system(HOUR * 3);
        let ada = system.user("ada@example.com").await;
        system.0.pass(HOUR);
        system.user("bob@example.com").await;
        system.leave_pending("ada@example.com").await;
        system.0.pass(HOUR);
        system.leave_pending("ada@example.com").await;
        system.0.settle().await;
        ada
    };
    let (since, until) = (now().minus(HOUR * 5 / 2).to_string(), now().minus(HOUR * 3 / 2).to_string());

    let (replayed, _) = folder.json(&["replay", "--since", &since, "--until", &until, "--yes"]);
    assert_eq!((&replayed["published"], &replayed["users"]), (&json!(2), &json!(2)), "one of each");
    let system = folder.system(HOUR);
    assert_eq!(sequences(&system.published(&ada)), [1, 2, 3, 2]);
    drop(system);

    let (replayed, _) = folder.json(&["replay", "--since", "2020-01-01T00:00:00Z", "--yes"]);
    assert_eq!((&replayed["published"], &replayed["users"]), (&json!(4), &json!(2)));
    let system = folder.system(HOUR);
    assert_eq!(sequences(&system.published(&ada)), [1, 2, 3, 2, 1, 2, 3]);
    system.0.settle().await;
    assert_eq!(system.0.stack.mail().len(), 2, "no mail is sent again");
}

#[tokio::test]
async fn a_refused_replay_is_reported_and_changes_nothing() {
    let folder = Folder::new();
    let ada = {
        let system = folder.system(HOUR);
        let ada = system.user("ada@example.com").await;
        let too_large = AttributeValue::S(format!(r#"{{"text":"{}"}}"#, "x".repeat(300_000)));
        system.forge(&ada, 1, &[("detail", too_large)]).await;
        ada
    };

    let (replayed, code) = folder.json(&["replay", "--user", &ada, "--yes"]);

    assert_eq!((&replayed["published"], code), (&json!(0), Some(3)));
    assert_eq!(replayed["refused"][0]["stream"], format!("user#{ada}"));
    assert_eq!(folder.system(HOUR).item(&ada, 1).await.get("state"), Some("delivered"));
}

/// Both events that were dead before and events that were delivered are published again.
#[tokio::test]
async fn after_an_erasure_no_personal_data_is_published_again() {
    let folder = Folder::new();
    let (ada, before) = {
        let system = folder.system(HOUR * 24 * 9);
        let ada = system.user("ada@example.com").await;
        let tokens = Tokens::of(&system.0.log_in("ada@example.com").await.expect(201).body);
        let send = async |method, path, body: &Value| {
            system.0.send(Request::new(method, path).json(body).bearer(&tokens.access)).await
        };
        send("PATCH", "/v1/me", &json!({"first_name": "Augusta"})).await.expect(200);
        system.bury(&ada, 3).await;
        send("DELETE", "/v1/me", &json!({"password": PASSWORD})).await.expect(204);
        system.0.settle().await;
        system.0.pass(HOUR * (7 * 24 + 1));
        system.0.stack.run_schedule("erase-users").await.expect("a run");
        system.0.settle().await;
        (ada.clone(), system.published(&ada).len())
    };
    let stream = format!("user#{ada}");

    assert_eq!(folder.outbox(&["requeue", "--event", &stream, "3", "--yes"]).code, Some(0));
    assert_eq!(folder.json(&["flush"]).0["published"], 1);
    assert_eq!(folder.json(&["replay", "--user", &ada, "--yes"]).0["published"], 5);

    let again = folder.system(HOUR).published(&ada).split_off(before);
    assert_eq!(sequences(&again), [3, 1, 2, 3, 4, 5]);
    let again = Value::from(again).to_string();
    assert!(!again.contains("ada@example.com") && !again.contains("Augusta"), "{again}");
    assert!(again.contains("first_name"), "the name of the changed field stays");
}
