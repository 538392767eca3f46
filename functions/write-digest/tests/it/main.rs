//! The weekly status report, under all conditions.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{collections::BTreeMap, time::Duration};

use local::{
    Request,
    calls::{Call, Fate, Refusal},
};
use serde_json::{Value, json};
use stage::{
    PASSWORD, Stage, Tokens,
    faults::{Late, Outage},
    outbox::{self, Outbox},
};

const WEEK: Duration = Duration::from_hours(7 * 24);

async fn run(stage: &Stage) -> Value {
    stage.stack.call("write-digest", json!({"detail-type": "Scheduled Event"})).await.expect("a run")
}

/// Returns the published reports in order.
async fn digests(stage: &Stage) -> Vec<Value> {
    stage.settle().await;
    let events = stage.stack.events().into_iter().filter(|event| event.detail_type == "digest.written");
    let mut digests: Vec<_> = events.map(|event| event.detail).collect();
    digests.sort_by_key(|digest| digest["subject"].to_string());
    digests
}

async fn leave(stage: &Stage, email: &str) {
    let tokens = Tokens::of(&stage.log_in(email).await.expect(201).body);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&tokens.access)).await.expect(204);
}

/// Creates a stage on which `fate` decides about the calls of the function.
fn of_digest(fate: impl Fn(&Call) -> Fate + Send + Sync + 'static) -> Stage {
    let watcher = move |call: &Call| if call.function == "write-digest" { fate(call) } else { Fate::Proceed };
    Stage::with(|setup| setup.watched_by(watcher).with_random(outbox::without_waiting()))
}

#[tokio::test]
async fn it_reports_the_status_and_the_changes_since_the_previous_one() {
    let stage = Stage::with(|setup| setup.with_parameter("DigestRecipient", "operators@example.com"));
    for email in ["ada@example.com", "bob@example.com", "eve@example.com"] {
        stage.registered(email).await;
    }
    stage.settle().await;
    assert_eq!(run(&stage).await, json!({"written": true}));
    let first = digests(&stage).await.remove(0);
    assert_eq!(first["data"]["users"], json!({"active": 3, "suspended": 0, "deleting": 0}));
    assert_eq!((&first["data"]["change"], &first["data"]["since"]), (&Value::Null, &Value::Null));
    leave(&stage, "eve@example.com").await;
    stage.settle().await;
    stage.pass(WEEK);
    stage.stack.run_schedule("rotate-keys").await.expect("a new key");
    stage.pass(Duration::from_hours(1));

    run(&stage).await;

    let second = &digests(&stage).await[1];
    assert_eq!(second["data"]["users"], json!({"active": 2, "suspended": 0, "deleting": 1}));
    assert_eq!(second["data"]["change"], json!({"active": -1, "suspended": 0, "deleting": 1}));
    assert_eq!((&second["data"]["since"], &second["actor"]), (&first["time"], &json!("system")));
    assert_eq!(second["data"]["counted_at"], first["time"], "the time of the request for deletion");
    assert_eq!(second["data"]["newest_key_at"], second["time"]);
    let to = stage.stack.mail().into_iter().filter(|mail| mail.subject == "Gatepost: weekly status report");
    assert_eq!(to.map(|mail| mail.to).collect::<Vec<_>>(), [["operators@example.com"]; 2]);
}

#[tokio::test]
async fn it_contains_no_personal_data() {
    let stage = Stage::new();
    stage.registered("ada@example.com").await;
    stage.settle().await;

    run(&stage).await;

    let digest = digests(&stage).await.remove(0).to_string();
    let known = stage
        .stack
        .events()
        .into_iter()
        .filter_map(|event| event.detail["data"]["user_id"].as_str().map(str::to_owned));
    for name in known.chain(["ada".to_owned()]) {
        assert!(!digest.contains(&name), "{digest}");
    }
}

#[tokio::test]
async fn each_week_has_one_digest() {
    let stage = Stage::new();
    let mut written = Vec::new();
    // Runs daily, starting on a Saturday.
    for _day in 0..17 {
        written.push(run(&stage).await["written"] == true);
        stage.pass(Duration::from_hours(24));
    }

    let days: Vec<_> = (0..17).filter(|day| written[*day]).collect();
    assert_eq!(days, [0, 2, 9, 16], "the first day, and each Monday");
    let subjects: Vec<_> =
        digests(&stage).await.into_iter().map(|digest| digest["subject"].clone()).collect();
    assert_eq!(
        subjects,
        ["digest#2026-11-16", "digest#2026-11-23", "digest#2026-11-30", "digest#2026-12-07"]
    );
}

#[tokio::test]
async fn stuck_and_dead_events_are_counted_and_recent_ones_are_not() {
    let stage = Stage::with(|setup| setup.with_random(outbox::without_waiting()));
    let outbox = Outbox::of(&stage.stack);
    for user in ["user#1", "user#2", "user#3"] {
        outbox.commit_detail(user, 1, "no object").await;
    }
    stage.pass(Duration::from_mins(16));
    stage.stack.call("sweep-events", json!({})).await.expect("a sweep");
    outbox.commit("user#4", 1).await;
    outbox.commit("user#5", 1).await;
    stage.pass(Duration::from_mins(16));
    outbox.commit("user#6", 1).await;

    run(&stage).await;

    let data = digests(&stage).await.pop().expect("a digest")["data"].clone();
    assert_eq!((&data["waiting_events"], &data["dead_events"]), (&json!(2), &json!(3)));
}

#[tokio::test]
async fn failed_and_late_tasks_are_listed() {
    let (outage, watcher) = Outage::after(0, "rotate-keys", || Fate::Refused(Refusal::ACCESS_DENIED));
    // The record of the run must be written even if the run fails.
    let stage = Stage::with(|setup| {
        setup.watched_by(move |call: &Call| match call.service {
            "secretsmanager" => watcher(call),
            _ => Fate::Proceed,
        })
    });
    for task in ["erase-users", "sweep-events"] {
        stage.stack.run_schedule(task).await.expect("a run");
    }
    stage.pass(Duration::from_mins(14));
    outage.begin();
    stage.stack.run_schedule("rotate-keys").await.expect_err("the secret cannot be read");

    run(&stage).await;

    let data = digests(&stage).await.remove(0)["data"].clone();
    assert_eq!(
        (&data["failed_tasks"], &data["late_tasks"]),
        (&json!(["rotate-keys"]), &json!(["sweep-events"]))
    );
}

/// Sets the count of active users.
fn counted(stage: &Stage, active: u64) {
    let now = stage.stack.clock().now().millis().to_string();
    let count =
        json!({"subject": {"S": "count#7"}, "active": {"N": active.to_string()}, "as_of": {"N": now}});
    stage.stack.dynamodb("PutItem", &json!({"TableName": "UserCounts", "Item": count})).expect("an item");
}

/// Interrupts a run at a step, and retries it as Lambda does. Returns whether the run has that step.
async fn broken_off_at(step: usize, fate: fn() -> Fate) -> bool {
    let (outage, watcher) = Outage::after(step, "write-digest", fate);
    let is_one_of_many = |call: &Call| call.request["IndexName"] == "due";
    let stage = of_digest(move |call| if is_one_of_many(call) { Fate::Proceed } else { watcher(call) });
    counted(&stage, 10);
    run(&stage).await;
    counted(&stage, 11);
    stage.pass(WEEK);

    outage.begin();
    let has_failed = stage.stack.call("write-digest", json!({})).await.is_err();
    outage.end();
    run(&stage).await;
    run(&stage).await;

    let digests = digests(&stage).await;
    assert_eq!(digests.len(), 2, "step {step}: one digest of each week");
    assert_eq!(digests[1]["data"]["change"]["active"], 1, "step {step}: nothing is held against itself");
    has_failed
}

#[tokio::test]
async fn a_retry_completes_an_interrupted_run() {
    let fates: [fn() -> Fate; 3] = [
        || Fate::Refused(Refusal::ACCESS_DENIED),
        || Fate::DoneBut(Refusal::ACCESS_DENIED),
        || Fate::AnswerLost,
    ];
    for fate in fates {
        let mut step = 0;
        while broken_off_at(step, fate).await {
            step += 1;
        }
        assert!(step > 6, "each step was interrupted: {step}");
    }
}

#[tokio::test]
async fn one_of_two_concurrent_runs_writes_even_across_weeks() {
    for between in [Duration::ZERO, WEEK] {
        let late = Late::default();
        let stage = of_digest(late.holding(|call| call.operation == "TransactWriteItems"));
        late.expect();
        let slow = run(&stage);
        let quick = async {
            late.has_come().await;
            stage.pass(between);
            let written = run(&stage).await;
            late.go_on();
            written
        };

        let (slow, quick) = tokio::join!(slow, quick);

        assert_eq!((&slow["written"], &quick["written"]), (&json!(false), &json!(true)));
        assert_eq!(digests(&stage).await.len(), 1);
    }
}

#[tokio::test]
async fn an_expired_event_is_not_replaced() {
    let stage = Stage::new();
    run(&stage).await;
    let week = digests(&stage).await[0]["subject"].clone();
    let key = json!({"stream": {"S": week}, "seq": {"N": "1"}});
    stage.stack.dynamodb("DeleteItem", &json!({"TableName": "Events", "Key": key})).expect("deleted");

    assert_eq!(run(&stage).await["written"], false);

    assert_eq!(digests(&stage).await.len(), 1);
}

#[tokio::test]
async fn its_event_waits_while_the_bus_is_down() {
    let (outage, watcher) = Outage::after(0, "relay-events", || Fate::Refused(Refusal::ACCESS_DENIED));
    let of_bus = move |call: &Call| if call.operation == "PutEvents" { watcher(call) } else { Fate::Proceed };
    let stage = Stage::with(|setup| setup.watched_by(of_bus));
    outage.begin();
    assert_eq!(run(&stage).await["written"], true);
    assert!(stage.stack.settle().await.is_err(), "the relay fails");
    assert_eq!(run(&stage).await["written"], false);
    outage.end();

    assert_eq!(digests(&stage).await.len(), 1);
}

#[tokio::test]
async fn a_failed_run_is_recorded() {
    let is_one_shard = |call: &Call| call.request["ExpressionAttributeValues"][":partition"]["S"] == "dead#7";
    let fate = move |call: &Call| {
        if is_one_shard(call) { Fate::Refused(Refusal::ACCESS_DENIED) } else { Fate::Proceed }
    };
    let stage = of_digest(fate);

    stage.stack.run_schedule("write-digest").await.expect_err("half a count is none");

    let cloud = stage.stack.cloud("write-digest").expect("its cloud");
    let runs = store::Runs::new(&cloud, "write-digest").expect("its settings");
    let last = runs.last().await.expect("an answer").expect("a run");
    assert_eq!((last.failed.as_deref(), last.succeeded_at), (Some("the digest was not written"), None));
}

#[test]
fn the_other_tasks_are_those_of_the_template() {
    let schedules = local::Stack::memory().template().expect("the template").schedules;
    let others = schedules.iter().filter(|schedule| schedule.function != "write-digest");
    let others: BTreeMap<_, _> = others.map(|schedule| (&*schedule.function, schedule.every)).collect();

    assert_eq!(others, write_digest::TASKS.into());
}
