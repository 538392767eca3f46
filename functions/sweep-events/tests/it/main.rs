//! Sweeping, seen from outside: the stream is not read, and events come out at the bus all the same.
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

/// The bus refuses whatever speaks of one of these.
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

/// What was published, in order: stream and number.
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
async fn what_the_stream_missed_is_delivered_in_order() {
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
async fn what_is_not_overdue_is_the_relays() {
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
async fn what_the_relay_delivered_is_left_alone() {
    let stage = stage(|_| Fate::Proceed);
    Outbox::of(&stage.stack).commit("user#1", 1).await;
    stage.settle().await;
    stage.pass(OVERDUE);

    assert_eq!(sweep(&stage).await["delivered"], 0);

    assert_eq!(published(&stage).len(), 1);
}

#[tokio::test]
async fn what_the_bus_refuses_is_put_off_and_only_its_own_stream_waits() {
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
    assert_eq!(first["next_attempt_at"], now.to_string(), "without jitter the next attempt is due at once");
    assert_eq!(first["due_sk"], format!("{now:015}#user#1#000000000001"));
    assert_eq!(sweep(&stage).await["postponed"], 0, "not tried again before its time");
}

#[tokio::test]
async fn however_many_wait_behind_a_refused_event_none_overtakes_it() {
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
    assert_eq!(sweep(&stage).await["delivered"], 1, "what comes after it need not wait any more");
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

    assert!(failed.is_err(), "somebody has to be told");
    let item = outbox.item("user#1", 1).await;
    assert_eq!((item["state"].as_str(), item["attempts"].as_str()), ("pending", "0"));

    is_lost.store(false, SeqCst);
    assert_eq!(sweep(&stage).await["delivered"], 1);
}

#[tokio::test]
async fn a_stream_that_cannot_be_read_holds_no_other_up_and_is_told() {
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
async fn an_event_whose_mark_was_lost_comes_again_and_none_overtakes_another() {
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
async fn what_was_put_off_is_tried_when_its_time_has_come_and_not_a_quarter_of_an_hour_later() {
    let stage = stage(refusing(&["user#1"]));
    Outbox::of(&stage.stack).commit("user#1", 1).await;
    stage.pass(OVERDUE);
    assert_eq!(sweep(&stage).await["postponed"], 1);

    stage.pass(Duration::from_secs(1));

    assert_eq!(sweep(&stage).await["postponed"], 1);
}

#[tokio::test]
async fn of_two_sweepers_one_sweeps() {
    let stage = Stage::new();
    let outbox = Outbox::of(&stage.stack);
    outbox.commit("user#1", 1).await;
    stage.pass(OVERDUE);
    let of_another = store_outbox(&stage);
    let now = stage.stack.clock().now();
    assert!(of_another.take_lease("sweep", "another", now, OVERDUE).await.expect("an answer"));

    assert_eq!(sweep(&stage).await["delivered"], 0, "another sweeps");

    of_another.give_lease_back("sweep", "another").await.expect("an answer");
    assert_eq!(sweep(&stage).await["delivered"], 1);
    assert!(of_another.take_lease("sweep", "another", now, OVERDUE).await.expect("an answer"), "given back");
}

#[tokio::test]
async fn a_sweeper_that_was_killed_keeps_the_others_waiting_for_its_own_time_only() {
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
async fn the_oldest_pending_event_is_told_even_while_the_bus_takes_nothing() {
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
async fn of_two_runs_at_once_the_one_that_began_last_is_noted() {
    let stage = stage(|_| Fate::Proceed);
    let cloud = stage.stack.cloud("sweep-events").expect("its cloud");
    let runs = store::Runs::new(&cloud, "sweep-events").expect("its settings");
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let slow = runs.noting(async {
        let _ = ended.await;
        Err::<(), _>(cloud::Failed("it was slow"))
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
async fn an_event_that_was_put_off_is_as_old_as_before() {
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
