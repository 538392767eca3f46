//! The directory as a consumer of the real system: for any delivery of the events, it ends equal to the table
//! Identities.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod place;

use std::time::Duration;

use serde_json::{Value, json};

use crate::place::Place;

#[tokio::test]
async fn what_people_do_is_in_the_directory() {
    let place = Place::new();
    place.lives().await;

    let directory = place.directory().await;

    assert_eq!(directory, place.identities().await);
    assert_eq!(directory.len(), 3);
    let ada = directory.values().find(|user| user.row.email.as_deref() == Some("ada@example.com"));
    let row = &ada.expect("Ada").row;
    assert_eq!((row.first_name.as_deref(), row.sessions.len()), (Some("Ada"), 1));
    assert_eq!(row.last_signed_in, row.registered_at.map(|then| then + 3_600_000), "an hour later");
}

#[tokio::test]
async fn however_events_come_the_directory_ends_equal_to_the_table() {
    let place = Place::new();
    place.lives().await;
    let (events, identities) = (place.events(), place.identities().await);
    let is_last = |event: &Value| {
        let newest = events.iter().rfind(|other| other["detail"]["subject"] == event["detail"]["subject"]);
        newest == Some(event)
    };
    let reversed = || events.iter().rev().cloned();
    let ways: [(&str, Vec<Value>); 6] = [
        ("replayed", events.clone()),
        ("three times each", events.iter().flat_map(|event| vec![event.clone(); 3]).collect()),
        ("three times all", [events.clone(), events.clone(), events.clone()].concat()),
        ("the last one first", reversed().collect()),
        ("every other one swapped", events.chunks(2).flat_map(|pair| pair.iter().rev()).cloned().collect()),
        // A loss at the end cannot be noticed before the next event.
        (
            "all but the last of each user lost",
            events.iter().filter(|event| is_last(event)).cloned().collect(),
        ),
    ];
    for (way, events) in ways {
        place.forget().await;
        for event in events {
            assert_eq!(place.deliver(&event).await, 0, "{way}: {event}");
        }
        assert_eq!(place.directory().await, identities, "{way}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn all_at_once_and_twice_it_ends_equal_to_the_table() {
    let place = Place::new();
    place.lives().await;
    let mut waiting = [place.events(), place.events()].concat();
    place.forget().await;

    for round in 0.. {
        if waiting.is_empty() {
            break;
        }
        assert!(round < 20, "never handled: {waiting:?}");
        let deliveries = waiting.iter().map(|event| place.deliver(event));
        let failures = futures_util::future::join_all(deliveries).await;
        let came_again = waiting.into_iter().zip(failures).filter(|(_, failures)| *failures > 0);
        waiting = came_again.map(|(event, _)| event).collect();
    }

    assert_eq!(place.directory().await, place.identities().await);
}

#[tokio::test]
async fn only_a_gap_is_read_from_the_history() {
    let place = Place::new();
    place.lives().await;
    let events = place.events();
    let of_ada = |event: &&Value| event["detail"]["subject"] == events[0]["detail"]["subject"];
    let events: Vec<_> = events.iter().filter(of_ada).collect();
    let is_read = || place.stage.stack.calls().iter().any(|made| made.call.operation == "Query");
    place.forget().await;
    is_read();

    place.deliver(events[0]).await;
    assert!(!is_read(), "nothing is missing");
    place.deliver(events[2]).await;
    assert!(is_read(), "the second is missing");
    place.deliver(events[1]).await;
    assert!(!is_read(), "it was late");
}

#[tokio::test]
async fn a_history_that_is_not_complete_is_told() {
    let place = Place::new();
    place.lives().await;
    let last = place.events().pop().expect("an event");
    place.forget().await;
    place.expire(last["detail"]["subject"].as_str().expect("a subject"), 1).await;

    assert_eq!(place.deliver(&last).await, 1, "an operator has to look at it");
    assert!(place.directory().await.is_empty());
}

#[tokio::test]
async fn what_a_restore_has_undone_is_gone_with_the_next_event() {
    let folder = std::env::temp_dir().join(format!("gatepost-directory-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let place = Place::of(local::Stack::folder(&folder));
    place.lives().await;
    let mut undone = place.events().pop().expect("an event");
    let next = undone["detail"]["sequence"].as_str().and_then(|number| number.parse::<u64>().ok());
    undone["detail"]["sequence"] = format!("{:012}", next.expect("a number") + 1).into();
    undone["detail"]["id"] = "of-another-history".into();
    undone["detail"]["type"] = "session.started".into();
    undone["detail"]["data"] = json!({"session_id": "that never existed"});
    assert_eq!(place.deliver(&undone).await, 0);
    assert_ne!(place.directory().await, place.identities().await);
    drop(place);

    let place = Place::of(local::Stack::folder(&folder).with_parameter("EventEpoch", "2"));
    place.stage.pass(Duration::from_hours(2));
    for email in ["ada@example.com", "bob@example.com", "cy@example.com"] {
        place.stage.log_in(email).await.expect(201);
    }
    place.stage.settle().await;

    assert_eq!(place.directory().await, place.identities().await);
    drop(place);
    std::fs::remove_dir_all(&folder).expect("the folder of this test");
}
