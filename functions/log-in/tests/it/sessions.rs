//! The limit of sessions per user.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use stage::{Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const MOST: usize = 50;

/// Logs in several times, a second apart.
async fn log_in(stage: &Stage, times: usize) -> Vec<Tokens> {
    let mut sessions = Vec::new();
    for _ in 0..times {
        stage.pass(Duration::from_secs(1));
        sessions.push(Tokens::of(&stage.log_in(EMAIL).await.expect(201).body));
    }
    sessions
}

async fn listed(stage: &Stage, tokens: &Tokens) -> usize {
    let list = stage.get("/v1/me/sessions?limit=100", &tokens.access).await.expect(200);
    list.body["items"].as_array().expect("sessions").len()
}

/// Returns the sessions that ended with the newest log-in.
async fn ended(stage: &Stage) -> Value {
    stage.settle().await;
    let events = stage.stack.events();
    let event = events.iter().rev().find(|event| event.detail_type == "session.started").expect("an event");
    event.detail["data"]["ended_session_ids"].clone()
}

#[tokio::test]
async fn a_session_beyond_the_limit_ends_the_oldest_in_the_same_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    stage.registered(EMAIL).await;
    let sessions = log_in(&stage, MOST).await;
    assert_eq!((listed(&stage, &sessions[0]).await, ended(&stage).await), (MOST, Value::Null));
    stage.forget_calls();

    let newest = log_in(&stage, 1).await.remove(0);

    assert_eq!(stage.round_trips_of("log-in"), 3);
    assert_eq!(ended(&stage).await, json!([sessions[0].session_id]));
    assert_eq!(listed(&stage, &newest).await, MOST);
    assert_eq!(stage.refresh(&sessions[0].refresh).await.expect(401).problem(), "invalid-token");
    stage.refresh(&sessions[1].refresh).await.expect(200);
    stage.refresh(&newest.refresh).await.expect(200);
}

#[tokio::test]
async fn ended_and_expired_sessions_do_not_count() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let sessions = log_in(&stage, MOST).await;
    stage.log_out(&sessions[7].access).await.expect(204);
    log_in(&stage, 1).await;
    assert_eq!(ended(&stage).await, Value::Null);

    stage.change_password(&sessions[0].access, "another horse battery").await.expect(204);
    let fresh = stage.log_in_with(EMAIL, "another horse battery").await.expect(201);
    assert_eq!(ended(&stage).await, Value::Null);
    assert_eq!(listed(&stage, &Tokens::of(&fresh.body)).await, 2);
}

#[tokio::test]
async fn concurrent_log_ins_do_not_exceed_the_limit_of_sessions() {
    let stage = Stage::with(stage::slowly);
    stage.registered(EMAIL).await;
    log_in(&stage, MOST - 2).await;

    let answers = join_all((0..6).map(|_| stage.log_in(EMAIL))).await;

    let started: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(started.len() >= 3, "{started:?}");
    let newest = log_in(&stage, 1).await.remove(0);
    assert_eq!(listed(&stage, &newest).await, MOST);
}
