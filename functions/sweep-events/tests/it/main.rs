//! Sweeping, tested without the stream: the events still reach the bus.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::calls::{Call, Fate, Refusal};
use serde_json::{Value, json};
use stage::{
    Stage,
    outbox::{self, Outbox},
};

const OVERDUE: Duration = Duration::from_mins(16);

fn stage(fate: impl Fn(&Call) -> Fate + Send + Sync + 'static) -> Stage {
    let of_sweeper =
        move |call: &Call| if call.function == "sweep-events" { fate(call) } else { Fate::Proceed };
    Stage::with(|setup| setup.watched_by(of_sweeper).with_random(outbox::without_waiting()))
}

/// Lets the bus refuse all entries that contain one of these texts.
fn refusing(refused: &'static [&'static str]) -> impl Fn(&Call) -> Fate {
    move |call| match call.request["Entries"].as_array() {
        Some(entries) => {
            let is_refused =
                |entry: &Value| refused.iter().any(|text| entry["Detail"].to_string().contains(text));
            Fate::EntriesRefused((0..entries.len()).filter(|at| is_refused(&entries[*at])).collect())
        }
        None => Fate::Proceed,
    }
}

/// Returns the published events in order: stream and number.
fn published(stage: &Stage) -> Vec<(String, u64)> {
    let events = stage.stack.events();
    let key = |event: &Value| Some((event["subject"].as_str()?.to_owned(), event["n"].as_u64()?));
    events.iter().filter_map(|event| key(&event.detail)).collect()
}

fn numbers(stage: &Stage, stream: &str) -> Vec<u64> {
    published(stage).into_iter().filter(|(subject, _)| subject == stream).map(|(_, number)| number).collect()
}

async fn sweep(stage: &Stage) -> Value {
    stage.stack.call("sweep-events", json!({"detail-type": "Scheduled Event"})).await.expect("a sweep")
}

#[tokio::test]
async fn missed_events_are_delivered_in_order() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    for number in 1..=3 {
        outbox.commit("user#1", number).await;
        outbox.commit("user#2", number).await;
    }
    stage.pass(OVERDUE);

    let swept = sweep(&stage).await;

    assert_eq!(swept, json!({"delivered": 6, "dead": 0, "postponed": 0}));
    for stream in ["user#1", "user#2"] {
        assert_eq!(numbers(&stage, stream), [1, 2, 3]);
        assert_eq!(outbox.item(stream, 3).await["state"], "delivered");
    }
    assert_eq!(sweep(&stage).await["delivered"], 0, "once is enough");
}

#[tokio::test]
async fn recent_events_are_left_to_the_relay() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    stage.pass(Duration::from_mins(5));
    outbox.commit("user#1", 2).await;
    stage.pass(Duration::from_mins(9));

    assert_eq!(sweep(&stage).await["delivered"], 0);

    stage.pass(Duration::from_mins(2));
    assert_eq!(sweep(&stage).await["delivered"], 1, "the second is not overdue yet");
    assert_eq!(published(&stage), [("user#1".to_owned(), 1)]);
}

#[tokio::test]
async fn delivered_events_are_not_published_again() {
    let stage = stage(|_| Fate::Proceed);
    Outbox::of(&stage.stack).commit("user#1", 1).await;
    stage.settle().await;
    stage.pass(OVERDUE);

    assert_eq!(sweep(&stage).await["delivered"], 0);

    assert_eq!(published(&stage).len(), 1);
}

#[tokio::test]
async fn a_refused_event_is_postponed_and_blocks_only_its_stream() {
    let stage = stage(refusing(&["user#1"]));
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    outbox.commit("user#1", 2).await;
    outbox.commit("user#2", 1).await;
    stage.pass(OVERDUE);

    let swept = sweep(&stage).await;

    assert_eq!(swept, json!({"delivered": 1, "dead": 0, "postponed": 1}));
    assert_eq!(published(&stage), [("user#2".to_owned(), 1)]);
    let first = outbox.item("user#1", 1).await;
    assert_eq!((first["attempts"].as_str(), first["last_error"].as_str()), ("1", "InternalFailure"));
    let now = stage.stack.clock().now().millis();
    assert_eq!(
        first["next_attempt_at"],
        now.to_string(),
        "without jitter the next attempt is due immediately"
    );
    assert_eq!(first["due_sk"], format!("{now:015}#user#1#000000000001"));
    assert_eq!(sweep(&stage).await["postponed"], 0, "not retried before it is due");
}

#[tokio::test]
async fn no_event_overtakes_a_refused_one() {
    let stage = stage(refusing(&[r#"\"n\":1,"#]));
    let outbox = Outbox::of(&stage.stack);
    for number in 1..=105 {
        outbox.commit("user#1", number).await;
    }
    stage.pass(OVERDUE);

    assert_eq!(sweep(&stage).await, json!({"delivered": 0, "dead": 0, "postponed": 1}));
}

#[tokio::test]
async fn the_twentieth_attempt_is_the_last() {
    let stage = stage(refusing(&[r#"\"n\":1,"#]));
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    outbox.commit("user#1", 2).await;
    for _ in 0..19 {
        stage.pass(OVERDUE);
        assert_eq!(sweep(&stage).await["postponed"], 1);
    }
    assert_eq!(published(&stage), []);

    stage.pass(OVERDUE);
    assert_eq!(sweep(&stage).await["dead"], 1);

    let dead = outbox.item("user#1", 1).await;
    assert_eq!((dead["state"].as_str(), dead["attempts"].as_str()), ("dead", "20"));
    assert!(dead["due_pk"].starts_with("dead#"));
    stage.pass(OVERDUE);
    assert_eq!(sweep(&stage).await["delivered"], 1, "later events no longer wait");
}

#[tokio::test]
async fn lost_permission_counts_against_no_event() {
    let is_lost = Arc::new(AtomicBool::new(true));
    let watched = Arc::clone(&is_lost);
    let stage = stage(move |call| match call.operation.as_str() {
        "PutEvents" if watched.load(SeqCst) => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    stage.pass(OVERDUE);

    let failed = stage.stack.call("sweep-events", json!({})).await;

    assert!(failed.is_err(), "the call must fail to raise the alarm");
    let item = outbox.item("user#1", 1).await;
    assert_eq!((item["state"].as_str(), item["attempts"].as_str()), ("pending", "0"));

    is_lost.store(false, SeqCst);
    assert_eq!(sweep(&stage).await["delivered"], 1);
}

#[tokio::test]
async fn an_unreadable_stream_blocks_no_other_and_is_reported() {
    let stage = stage(|call| match call.operation.as_str() {
        "Query" if call.request.to_string().contains("user#1") => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    outbox.commit("user#2", 1).await;
    stage.pass(OVERDUE);

    let failed = stage.stack.call("sweep-events", json!({})).await;

    assert!(failed.is_err());
    assert_eq!(published(&stage), [("user#2".to_owned(), 1)]);
}

#[tokio::test]
async fn a_backlog_of_many_pages_is_swept_in_order() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    for number in 1..=130 {
        outbox.commit("user#12", number).await;
        outbox.commit("user#21", number).await;
    }
    stage.pass(OVERDUE);

    assert_eq!(sweep(&stage).await["delivered"], 260);

    for stream in ["user#12", "user#21"] {
        assert_eq!(numbers(&stage, stream), (1..=130).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_event_with_a_lost_mark_is_repeated_in_order() {
    let loses_marks = |call: &Call| match call.function.as_str() {
        "relay-events" if call.operation == "UpdateItem" && call.request["Key"]["seq"]["N"] == "1" => {
            Fate::Refused(Refusal::ACCESS_DENIED)
        }
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(loses_marks).with_random(outbox::without_waiting()));
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    outbox.commit("user#1", 2).await;
    stage.settle().await;
    outbox.commit("user#1", 3).await;
    stage.pass(OVERDUE);

    sweep(&stage).await;
    sweep(&stage).await;

    assert_eq!(numbers(&stage, "user#1"), [1, 2, 3, 1]);
    assert_eq!(outbox.item("user#1", 1).await["state"], "delivered", "nothing is stuck");
}

#[tokio::test]
async fn a_postponed_event_is_retried_when_it_is_due() {
    let stage = stage(refusing(&["user#1"]));
    Outbox::of(&stage.stack).commit("user#1", 1).await;
    stage.pass(OVERDUE);
    assert_eq!(sweep(&stage).await["postponed"], 1);

    stage.pass(Duration::from_secs(1));

    assert_eq!(sweep(&stage).await["postponed"], 1);
}

#[tokio::test]
async fn one_of_two_sweepers_sweeps() {
    let stage = Stage::new();
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    stage.pass(OVERDUE);
    let of_another = store_outbox(&stage);
    let now = stage.stack.clock().now();
    assert!(of_another.take_lease("sweep", "another", now, OVERDUE).await.expect("an answer"));

    assert_eq!(sweep(&stage).await["delivered"], 0, "another sweep is running");

    of_another.give_lease_back("sweep", "another").await.expect("an answer");
    assert_eq!(sweep(&stage).await["delivered"], 1);
    assert!(of_another.take_lease("sweep", "another", now, OVERDUE).await.expect("an answer"), "given back");
}

#[tokio::test]
async fn a_killed_sweeper_blocks_the_others_only_until_its_lease_expires() {
    let stage = Stage::new();
    Outbox::of(&stage.stack).commit("user#1", 1).await;
    stage.pass(OVERDUE);
    let now = stage.stack.clock().now();
    let timeout = Duration::from_mins(1);
    assert!(store_outbox(&stage).take_lease("sweep", "killed", now, timeout).await.expect("an answer"));

    stage.pass(timeout);

    assert_eq!(sweep(&stage).await["delivered"], 1);
}

#[tokio::test]
async fn the_age_of_the_oldest_event_is_measured_even_while_the_bus_is_down() {
    let stage = stage(|call| match call.operation.as_str() {
        "PutEvents" => Fate::Refused(Refusal::ACCESS_DENIED),
        _ => Fate::Proceed,
    });
    let outbox = Outbox::of(&stage.stack);
    sweep(&stage).await;
    assert_eq!(stage.stack.metrics()["OldestPendingEvent"], 0);
    outbox.commit("user#1", 1).await;
    stage.pass(OVERDUE);
    outbox.commit("user#2", 1).await;
    stage.pass(Duration::from_secs(5));

    assert!(stage.stack.call("sweep-events", json!({})).await.is_err());

    assert_eq!(stage.stack.metrics()["OldestPendingEvent"], (16 * 60 + 5) * 1000);
}

#[tokio::test]
async fn the_later_of_two_concurrent_runs_is_recorded() {
    let stage = stage(|_| Fate::Proceed);
    let cloud = stage.stack.cloud("sweep-events").expect("its cloud");
    let runs = store::Runs::new(&cloud, "sweep-events").expect("its settings");
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let slow = runs.noting(async {
        let _ = ended.await;
        Err::<(), _>(cloud::InvocationError("it was slow"))
    });
    let mut slow = std::pin::pin!(slow);
    assert!(futures_util::poll!(&mut slow).is_pending());
    stage.pass(Duration::from_secs(1));

    sweep(&stage).await;
    end.send(()).expect("it waits");
    assert!(slow.await.is_err());

    let last = runs.last().await.expect("an answer").expect("a run");
    assert_eq!((last.failed, last.began_at), (None, stage.stack.clock().now()));
}

#[tokio::test]
async fn a_postponed_event_keeps_its_age() {
    let stage = stage(refusing(&["user#1"]));
    Outbox::of(&stage.stack).commit("user#1", 1).await;
    stage.pass(OVERDUE);
    sweep(&stage).await;
    stage.pass(OVERDUE);

    sweep(&stage).await;

    assert_eq!(stage.stack.metrics()["OldestPendingEvent"], 32 * 60 * 1000);
}

#[tokio::test]
async fn dead_events_are_counted() {
    let stage = stage(|_| Fate::Proceed);
    let outbox = Outbox::of(&stage.stack);
    for user in ["user#1", "user#2", "user#3"] {
        outbox.commit_detail(user, 1, "no object").await;
    }
    stage.pass(OVERDUE);
    assert_eq!(sweep(&stage).await["dead"], 3);
    assert_eq!(stage.stack.metrics()["DeadEvents"], 0, "counted before");

    sweep(&stage).await;

    assert_eq!(stage.stack.metrics()["DeadEvents"], 3);
}

fn store_outbox(stage: &Stage) -> store::Outbox {
    let cloud = stage.stack.cloud("sweep-events").expect("a function that sweeps");
    store::Outbox::new(&cloud).expect("its settings")
}
