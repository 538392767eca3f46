//! Ending a session, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{
    Request,
    calls::{Call, Fate, round_trips},
};
use stage::{Answer, Stage, Tokens};

const EMAIL: &str = "ada@example.com";

async fn end(stage: &Stage, access: &str, session: &str) -> Answer {
    stage.send(Request::delete(&format!("/v1/me/sessions/{session}")).bearer(access)).await
}

async fn two_sessions(stage: &Stage) -> (String, Tokens, Tokens) {
    let here = stage.signed_in(EMAIL).await;
    let there = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let me = stage.get("/v1/me", &here.access).await.expect(200).body;
    (format!("user#{}", me["id"].as_str().expect("an id")), here, there)
}

#[tokio::test]
async fn another_session_ends_with_one_event() {
    let stage = Stage::new();
    let (subject, here, there) = two_sessions(&stage).await;

    end(&stage, &here.access, &there.session_id).await.expect(204);
    assert_eq!(end(&stage, &here.access, &there.session_id).await.expect(404).problem(), "not-found");

    assert_eq!(stage.refresh(&there.refresh).await.expect(401).problem(), "invalid-token");
    stage.refresh(&here.refresh).await.expect(200);
    let types = stage.events_of(&subject).await;
    assert_eq!(types, ["user.registered", "session.started", "session.started", "session.ended"]);
    let said = stage.stack.events().pop().expect("an event").detail["data"].clone();
    let expected = serde_json::json!({"session_id": there.session_id, "reason": "ended-by-user"});
    assert_eq!(said, expected);
}

#[tokio::test]
async fn foreign_and_ended_sessions_are_not_found() {
    let stage = Stage::new();
    let (subject, here, there) = two_sessions(&stage).await;
    let bob = stage.signed_in("bob@example.com").await;
    stage.send(Request::delete("/v1/me/sessions").bearer(&here.access)).await.expect(204);

    let unknown = "019aa400-0000-7000-8000-000000000000";
    for session in [unknown, "nonsense", "%23", &*bob.session_id, &*there.session_id] {
        assert_eq!(end(&stage, &here.access, session).await.expect(404).problem(), "not-found", "{session}");
    }

    stage.refresh(&bob.refresh).await.expect(200);
    assert_eq!(stage.events_of(&subject).await.len(), 4, "nothing has happened");
}

#[tokio::test]
async fn an_expired_session_is_not_found() {
    let stage = Stage::new();
    let (_, _, there) = two_sessions(&stage).await;
    stage.pass(Duration::from_hours(7 * 24));
    let here = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);

    end(&stage, &here.access, &there.session_id).await.expect(404);
}

#[tokio::test]
async fn one_of_many_concurrent_requests_ends_the_session() {
    let stage = Stage::with(stage::slowly);
    let (subject, here, there) = two_sessions(&stage).await;

    let (a, b, c) = tokio::join!(
        end(&stage, &here.access, &there.session_id),
        end(&stage, &here.access, &there.session_id),
        end(&stage, &here.access, &there.session_id)
    );

    let mut statuses = [a.status, b.status, c.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404, 404]);
    assert_eq!(stage.events_of(&subject).await.len(), 4, "one event");
}

#[tokio::test]
async fn a_commit_with_a_lost_request_or_response_takes_effect_at_most_once() {
    for (fate, status, events) in [("answer", 204, 4), ("request", 503, 3)] {
        let lost = move |call: &Call| match (call.function.as_str(), call.operation.as_str()) {
            ("end-session", "TransactWriteItems") if fate == "answer" => Fate::AnswerLost,
            ("end-session", "TransactWriteItems") => Fate::RequestLost,
            _ => Fate::Proceed,
        };
        let stage = Stage::with(|setup| setup.watched_by(lost));
        let (subject, here, there) = two_sessions(&stage).await;

        end(&stage, &here.access, &there.session_id).await.expect(status);

        assert_eq!(stage.events_of(&subject).await.len(), events, "{fate} lost");
        stage.refresh(&there.refresh).await.expect(if status == 204 { 401 } else { 200 });
    }
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let (_, here, there) = two_sessions(&stage).await;
    end(&stage, &here.access, "019aa400-0000-7000-8000-000000000000").await.expect(404);
    stage.settle().await;
    stage.forget_calls();

    end(&stage, &here.access, &there.session_id).await.expect(204);

    assert_eq!(round_trips(&stage.stack.calls()), 2);
}
