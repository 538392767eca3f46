//! Ending all other sessions, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use local::{
    Request,
    calls::{Call, Fate, round_trips},
};
use stage::{Answer, Stage, Tokens};

const EMAIL: &str = "ada@example.com";

async fn end_others(stage: &Stage, access: &str) -> Answer {
    stage.send(Request::delete("/v1/me/sessions").bearer(access)).await
}

async fn log_in(stage: &Stage) -> Tokens {
    Tokens::of(&stage.log_in(EMAIL).await.expect(201).body)
}

async fn subject(stage: &Stage, access: &str) -> String {
    let me = stage.get("/v1/me", access).await.expect(200).body;
    format!("user#{}", me["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn every_other_session_ends() {
    let stage = Stage::new();
    let (here, there, elsewhere) = (stage.signed_in(EMAIL).await, log_in(&stage).await, log_in(&stage).await);
    let bob = stage.signed_in("bob@example.com").await;
    let subject = subject(&stage, &here.access).await;

    end_others(&stage, &here.access).await.expect(204);

    for ended in [&there, &elsewhere] {
        assert_eq!(stage.refresh(&ended.refresh).await.expect(401).problem(), "invalid-token");
    }
    stage.refresh(&here.refresh).await.expect(200);
    stage.refresh(&bob.refresh).await.expect(200);
    let types = stage.events_of(&subject).await;
    assert_eq!(types.iter().skip(4).collect::<Vec<_>>(), ["sessions.ended"]);
    let events = stage.stack.events();
    let said = events.iter().rfind(|event| event.detail_type == "sessions.ended").expect("an event");
    assert_eq!(said.detail["data"], serde_json::json!({"kept_session_id": here.session_id}));
}

#[tokio::test]
async fn later_sessions_continue() {
    let stage = Stage::new();
    let here = stage.signed_in(EMAIL).await;
    end_others(&stage, &here.access).await.expect(204);

    let later = log_in(&stage).await;

    stage.refresh(&later.refresh).await.expect(200);
    stage.refresh(&here.refresh).await.expect(200);
}

#[tokio::test]
async fn an_ended_session_cannot_end_others() {
    let stage = Stage::new();
    let (here, there) = (stage.signed_in(EMAIL).await, log_in(&stage).await);
    stage.log_out(&here.access).await.expect(204);

    assert_eq!(end_others(&stage, &here.access).await.expect(401).problem(), "invalid-token");

    stage.refresh(&there.refresh).await.expect(200);
}

#[tokio::test]
async fn one_of_two_sessions_that_end_each_other_remains() {
    let stage = Stage::with(stage::slowly);
    let (here, there) = (stage.signed_in(EMAIL).await, log_in(&stage).await);
    let subject = subject(&stage, &here.access).await;

    let (a, b) = tokio::join!(end_others(&stage, &here.access), end_others(&stage, &there.access));

    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
    let (kept, ended) = if a.status == 204 { (here, there) } else { (there, here) };
    stage.refresh(&kept.refresh).await.expect(200);
    stage.refresh(&ended.refresh).await.expect(401);
    assert_eq!(stage.events_of(&subject).await.len(), 4, "one event");
}

#[tokio::test]
async fn a_concurrent_refresh_does_not_lose_the_kept_session() {
    let stage = Stage::with(stage::slowly);
    let (here, there) = (stage.signed_in(EMAIL).await, log_in(&stage).await);

    let (ended, refreshed, _) = tokio::join!(
        end_others(&stage, &here.access),
        stage.refresh(&here.refresh),
        stage.refresh(&there.refresh)
    );

    ended.expect(204);
    let here = Tokens::of(&refreshed.expect(200).body);
    stage.refresh(&here.refresh).await.expect(200);
    stage.refresh(&there.refresh).await.expect(401);
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (fate, status, events) in [("answer", 204, 4), ("request", 503, 3)] {
        let lost = move |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
            ("end-other-sessions", "TransactWriteItems") if fate == "answer" => Fate::AnswerLost,
            ("end-other-sessions", "TransactWriteItems") => Fate::RequestLost,
            _ => Fate::Proceed,
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));
        let (here, there) = (stage.signed_in(EMAIL).await, log_in(&stage).await);
        let subject = subject(&stage, &here.access).await;

        end_others(&stage, &here.access).await.expect(status);

        assert_eq!(stage.events_of(&subject).await.len(), events, "{fate} lost");
        stage.refresh(&there.refresh).await.expect(if status == 204 { 401 } else { 200 });
        stage.refresh(&here.refresh).await.expect(200);
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let here = stage.signed_in(EMAIL).await;
    end_others(&stage, &here.access).await.expect(204);
    stage.settle().await;
    stage.forget_calls();

    end_others(&stage, &here.access).await.expect(204);

    assert_eq!(round_trips(&stage.stack.calls()), 2);
}
