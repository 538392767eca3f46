//! Relaying events, tested from the table to the bus.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use local::calls::{Call, Fate, Refusal};
use serde_json::{Value, json};
use stage::{
    Stage,
    outbox::{self, Outbox},
};

/// Creates a stage on which `fate` decides about each call of the relay.
fn stage(fate: impl Fn(&Call) -> Fate + Send + Sync + 'static) -> Stage {
    let of_relay =
        move |call: &Call| if call.function == "relay-events" { fate(call) } else { Fate::Proceed };
    Stage::with(|setup| setup.watched_by(of_relay).with_random(outbox::without_waiting()).recording())
}

/// Returns the published events in order: stream and number.
fn published(stage: &Stage) -> Vec<(String, u64)> {
    let events = stage.stack.events();
    let key = |event: &Value| Some((event["subject"].as_str()?.to_owned(), event["n"].as_u64()?));
    events.iter().filter_map(|event| key(&event.detail)).collect()
}

/// Returns the numbers of a stream in the order of their first publication.
fn first_publications(stage: &Stage, stream: &str) -> Vec<u64> {
    let mut seen = HashSet::new();
    let of_stream = published(stage).into_iter().filter(|(subject, _)| subject == stream);
    of_stream.map(|(_, number)| number).filter(|number| seen.insert(*number)).collect()
}

/// Delivers a batch to the relay, as Lambda does.
async fn relay(stage: &Stage, records: &[Value]) -> Vec<String> {
    let answer = stage.stack.call("relay-events", json!({"Records": records})).await.expect("an answer");
    let failures = answer["batchItemFailures"].as_array().expect("failures");
    failures
        .iter()
        .map(|failure| failure["itemIdentifier"].as_str().expect("a position").to_owned())
        .collect()
}

#[tokio::test]
async fn a_committed_event_is_published_once_and_marked() {
    let stage = stage(|_| Fate::Proceed);
    stage.register("ada@example.com").await.expect(202);

    stage.settle().await;

    let events = stage.stack.events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].source.as_str(), events[0].detail_type.as_str()),
        ("gatepost", "registration.requested")
    );
    let stream = events[0].detail["subject"].as_str().expect("a subject");
    let item = Outbox::of(&stage.stack).item(stream, 1).await;
    let now = stage.stack.clock().now();
    assert_eq!(item["state"], "delivered");
    assert_eq!(item["delivered_at"], now.millis().to_string());
    assert_eq!(item["ttl"], (now.seconds() + 90 * 24 * 3600).to_string());
    assert_eq!(item["bus_event_ids"], json!([events[0].id]).to_string());
    assert!(!item.contains_key("due_pk") && !item.contains_key("due_sk"));
}

#[tokio::test]
async fn without_a_retention_events_are_kept_forever() {
    let stage = Stage::with(|setup| setup.with_parameter("EventRetentionDays", "0"));
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;

    stage.settle().await;

    let item = outbox.item("user#1", 1).await;
    assert_eq!(item["state"], "delivered");
    assert!(!item.contains_key("ttl") && !item.contains_key("due_pk"));
}

#[tokio::test]
async fn refused_entries_are_neither_lost_nor_overtaken() {
    for seed in 0..8_u32 {
        let generator = AtomicU32::new(seed);
        let stage = stage(move |call| match call.operation.as_str() {
            // Refuses some entries of many calls, chosen by a small linear congruential generator.
            "PutEvents" => {
                let bits = generator.fetch_add(1, SeqCst).wrapping_mul(2_654_435_761) >> 16;
                Fate::EntriesRefused((0..10).filter(|at| bits >> at & 1 == 1).collect())
            }
            _ => Fate::Proceed,
        });
        let outbox = Outbox::of(&stage.stack);
        for number in 1..=5 {
            for user in 1..=12 {
                outbox.commit(&format!("user#{user}"), number).await;
            }
        }

        stage.settle().await;

        for user in 1..=12 {
            let stream = format!("user#{user}");
            assert_eq!(first_publications(&stage, &stream), [1, 2, 3, 4, 5], "{stream}, seed {seed}");
            for number in 1..=5 {
                assert_eq!(outbox.item(&stream, number).await["state"], "delivered");
            }
        }
    }
}

#[tokio::test]
async fn a_lost_response_can_duplicate_events_but_not_reorder_them() {
    let calls = AtomicU32::new(0);
    let stage = stage(move |call| match call.operation.as_str() {
        "PutEvents" if calls.fetch_add(1, SeqCst).is_multiple_of(2) => Fate::AnswerLost,
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    for number in 1..=3 {
        outbox.commit("user#1", number).await;
    }

    stage.settle().await;

    let numbers: Vec<_> = published(&stage).into_iter().map(|(_, number)| number).collect();
    assert_eq!(numbers, [1, 1, 2, 2, 3, 3]);
}

#[tokio::test]
async fn lost_permission_blocks_events_without_making_them_dead() {
    let is_lost = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_lost);
    let stage = stage(move |call| match call.operation.as_str() {
        "PutEvents" if watched.load(SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    let records = [outbox.commit("user#1", 1).await, outbox.commit("user#2", 1).await];

    let failed = relay(&stage, &records).await;

    assert_eq!(failed, [records[0]["dynamodb"]["SequenceNumber"].as_str().expect("a position")]);
    for stream in ["user#1", "user#2"] {
        assert_eq!(outbox.item(stream, 1).await["state"], "pending");
    }

    is_lost.store(false, SeqCst);
    stage.settle().await;
    assert_eq!(published(&stage).len(), 2);
}

#[tokio::test]
async fn a_permanently_refused_event_is_dead_and_blocks_nothing() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    outbox.commit_detail("user#1", 2, "no JSON").await;
    outbox.commit("user#1", 3).await;

    stage.settle().await;

    assert_eq!(first_publications(&stage, "user#1"), [1, 3]);
    let dead = outbox.item("user#1", 2).await;
    assert_eq!((dead["state"].as_str(), dead["last_error"].as_str()), ("dead", "MalformedDetail"));
    assert!(dead["due_pk"].starts_with("dead#"));
    assert!(!dead.contains_key("ttl"), "dead events do not expire");
}

#[tokio::test]
async fn an_unreadable_record_is_quarantined_and_the_shard_continues() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    let good = outbox.commit("user#1", 1).await;
    let mut bad = good.clone();
    bad["dynamodb"]["NewImage"]["detail"] = json!({"BOOL": true});
    bad["dynamodb"]["SequenceNumber"] = json!("99");

    let failed = relay(&stage, &[bad, good]).await;

    assert_eq!(failed, Vec::<String>::new());
    assert_eq!(first_publications(&stage, "user#1"), [1]);
    let raw = &outbox.item("quarantine#user#1", 1).await["raw"];
    let raw: Value = serde_json::from_str(raw).expect("the record's copy");
    assert_eq!(raw["dynamodb"]["Keys"]["stream"]["S"], "user#1");
}

#[tokio::test]
async fn a_record_that_cannot_be_quarantined_is_retried() {
    let stage = stage(|call| match call.operation.as_str() {
        "PutItem" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    let good = outbox.commit("user#1", 1).await;
    let bad = json!({"eventName": "INSERT", "dynamodb": {"SequenceNumber": "99"}});

    assert_eq!(relay(&stage, &[good, bad]).await, ["99"]);
}

#[tokio::test]
async fn the_first_record_that_failed_is_reported_and_those_after_it_are_not_published_twice() {
    let is_broken = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_broken);
    let stage = stage(move |call| match call.operation.as_str() {
        "PutEvents" if watched.load(SeqCst) => {
            let entries = call.request["Entries"].as_array().expect("entries");
            let of_two = |entry: &Value| entry["Detail"].to_string().contains("user#2");
            Fate::EntriesRefused((0..entries.len()).filter(|at| of_two(&entries[*at])).collect())
        }
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    let mut records = Vec::new();
    for (stream, number) in [("user#1", 1), ("user#2", 1), ("user#1", 2), ("user#2", 2), ("user#3", 1)] {
        records.push(outbox.commit(stream, number).await);
    }

    let failed = relay(&stage, &records).await;

    assert_eq!(failed, [records[1]["dynamodb"]["SequenceNumber"].as_str().expect("a position")]);
    assert_eq!(first_publications(&stage, "user#2"), [0; 0]);

    is_broken.store(false, SeqCst);
    assert_eq!(relay(&stage, &records[1..]).await, Vec::<String>::new());
    assert_eq!(first_publications(&stage, "user#2"), [1, 2]);
    assert_eq!(published(&stage).len(), 5, "each once");
}

#[tokio::test]
async fn a_late_record_is_checked_before_publication() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    let record = outbox.commit("user#1", 1).await;
    stage.settle().await;
    stage.pass(Duration::from_mins(2));

    assert_eq!(relay(&stage, &[record]).await, Vec::<String>::new());

    assert_eq!(published(&stage).len(), 1);
}

#[tokio::test]
async fn an_old_record_does_not_overtake_the_event_before_it() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    let later = outbox.commit("user#1", 2).await;
    stage.pass(Duration::from_mins(2));

    assert_eq!(relay(&stage, &[later]).await, Vec::<String>::new());

    assert_eq!(published(&stage), []);
    assert_eq!(outbox.item("user#1", 2).await["state"], "pending", "it is left to the sweeper");
}

#[tokio::test]
async fn a_lost_mark_blocks_nothing() {
    let stage = stage(|call| match call.operation.as_str() {
        "UpdateItem" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    let records = [outbox.commit("user#1", 1).await, outbox.commit("user#1", 2).await];

    assert_eq!(relay(&stage, &records).await, Vec::<String>::new());

    assert_eq!(first_publications(&stage, "user#1"), [1, 2]);
    assert_eq!(outbox.item("user#1", 1).await["state"], "pending", "the sweeper publishes it again");
}

#[tokio::test]
async fn the_relay_accesses_only_the_events_and_the_bus() {
    let stage = stage(|_| Fate::Proceed);
    stage.registered("ada@example.com").await;
    stage.settle().await;

    let calls = stage.stack.calls();
    let of_relay = calls.iter().filter(|made| made.call.function == "relay-events");
    let touched: HashSet<_> =
        of_relay.flat_map(|made| &made.call.touches).map(|touch| touch.resource.as_str()).collect();
    assert_eq!(touched, HashSet::from(["Events", "Bus"]));
}

/// The record of the previous event comes later or never, or was left to the sweeper.
#[tokio::test]
async fn a_fresh_record_does_not_overtake_a_pending_event() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    let second = outbox.commit("user#1", 2).await;
    let other = [outbox.commit("user#2", 1).await, outbox.commit("user#2", 2).await];
    let gap = [&other[0], &outbox.commit("user#2", 3).await].map(Value::clone);

    assert_eq!(relay(&stage, &[second]).await, [""; 0]);
    assert_eq!(relay(&stage, &gap).await, [""; 0]);

    assert_eq!(published(&stage), [("user#2".to_owned(), 1)]);
    stage.pass(Duration::from_mins(16));
    stage.stack.run_schedule("sweep-events").await.expect("a sweep");
    assert_eq!(first_publications(&stage, "user#1"), [1, 2]);
    assert_eq!(first_publications(&stage, "user#2"), [1, 2, 3]);
}

#[tokio::test]
async fn an_event_refused_for_too_long_is_left_to_the_sweeper_with_its_successors() {
    let refused = |entry: &Value| entry["Detail"].to_string().contains(r"user#1");
    let stage = stage(move |call| match call.request["Entries"].as_array() {
        Some(entries) => {
            Fate::EntriesRefused((0..entries.len()).filter(|at| refused(&entries[*at])).collect())
        }
        None => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    let records = [
        outbox.commit("user#1", 1).await,
        outbox.commit("user#1", 2).await,
        outbox.commit("user#2", 1).await,
    ];
    assert_eq!(relay(&stage, &records).await, ["user#1/1"], "it is young");

    stage.pass(Duration::from_mins(16));

    assert_eq!(relay(&stage, &records).await, [""; 0], "the shard continues");
    assert_eq!(published(&stage), [("user#2".to_owned(), 1)]);
    stage.stack.run_schedule("sweep-events").await.expect("a sweep");
    assert_eq!(first_publications(&stage, "user#1"), [1, 2]);
}

#[tokio::test]
async fn on_a_custom_bus_each_stream_is_a_group_and_duplicates_are_dropped() {
    let calls = AtomicU32::new(0);
    let fate = move |call: &Call| match call.operation.as_str() {
        "PutEvents" if calls.fetch_add(1, SeqCst).is_multiple_of(2) => Fate::AnswerLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| {
        let setup = setup.with_parameter("CustomBus", "true").recording();
        setup.watched_by(fate).with_random(outbox::without_waiting())
    });
    let outbox = Outbox::of(&stage.stack);
    for number in 1..=3 {
        outbox.commit("user#1", number).await;
        outbox.commit("user#2", number).await;
    }

    stage.settle().await;

    for user in ["user#1", "user#2"] {
        let numbers: Vec<_> = published(&stage).into_iter().filter(|(stream, _)| stream == user).collect();
        assert_eq!(numbers, [1, 2, 3].map(|number| (user.to_owned(), number)), "none twice");
        assert_eq!(outbox.item(user, 3).await["state"], "delivered");
    }
    let calls = stage.stack.calls();
    let put = calls.iter().find(|made| made.call.operation == "PutEvents").expect("a call");
    let entry = &put.call.request["Entries"][0];
    assert_eq!(entry["SystemMetadata"], json!({"EventGroupId": "user#1", "DeduplicationId": "user#1/1"}));
}

#[tokio::test]
async fn the_highest_delay_of_a_batch_is_measured() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    for (user, pause) in [("user#1", 25), ("user#2", 5)] {
        outbox.commit(user, 1).await;
        stage.pass(Duration::from_secs(pause));
    }

    stage.settle().await;

    assert_eq!(stage.stack.metrics()["RelayLag"], 30_000);
}

#[tokio::test]
async fn events_on_a_custom_bus_reach_the_rules() {
    let stage = Stage::with(|setup| setup.with_parameter("CustomBus", "true"));

    stage.registered("ada@example.com").await;
    stage.stack.run_schedule("sweep-events").await.expect("a sweep");
    stage.settle().await;

    assert!(stage.stack.metrics().contains_key("CanaryAge"));
}

#[tokio::test]
async fn a_missing_or_forbidden_custom_bus_makes_no_event_dead() {
    let missing = local::template::OF_THIS_BUILD.replace("GetAtt OrderedBus.EventBusArn, !Ref Bus]", "Sub \"arn:aws:events:eu-west-1:000000000000:event-busv2/nowhere/0123456789abcdefghijklmno\", !Ref Bus]");
    assert_ne!(missing, local::template::OF_THIS_BUILD);
    let custom = |setup: local::Setup| setup.with_parameter("CustomBus", "true");
    let denied = |call: &Call| match call.operation.as_str() {
        "PutEvents" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    };
    for stage in [
        Stage::with(|setup| custom(setup).with_template(missing)),
        Stage::with(|setup| custom(setup).watched_by(denied)),
    ] {
        let outbox = Outbox::of(&stage.stack);
        let records = [outbox.commit("user#1", 1).await];

        assert_eq!(relay(&stage, &records).await, ["user#1/1"]);

        assert_eq!(outbox.item("user#1", 1).await["state"], "pending");
    }
}

#[tokio::test]
async fn a_custom_bus_distinguishes_permanent_from_temporary_errors() {
    let stage = Stage::with(|setup| setup.with_parameter("CustomBus", "true"));
    let outbox = Outbox::of(&stage.stack);
    outbox.commit_detail("user#1", 1, "no object").await;
    outbox.commit("user#2", 1).await;

    stage.settle().await;

    assert_eq!(outbox.item("user#1", 1).await["state"], "dead");
    assert_eq!(outbox.item("user#2", 1).await["state"], "delivered");
}

#[tokio::test]
async fn the_event_after_a_lost_mark_does_not_wait_for_the_sweeper() {
    let stage = stage(|call| match call.operation.as_str() {
        "UpdateItem" if call.request["Key"]["seq"]["N"] == "1" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    stage.settle().await;
    assert_eq!(outbox.item("user#1", 1).await["state"], "pending");

    outbox.commit("user#1", 2).await;
    stage.settle().await;

    assert_eq!(published(&stage), [("user#1".to_owned(), 1), ("user#1".to_owned(), 2)]);
}
