//! Listing sessions, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{Request, calls::round_trips};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const PATH: &str = "/v1/me/sessions";

async fn listed(stage: &Stage, access: &str) -> Vec<Value> {
    let answer = stage.get(PATH, access).await.expect(200);
    answer.body["items"].as_array().expect("sessions").clone()
}

async fn ids(stage: &Stage, access: &str) -> Vec<String> {
    let id = |session: Value| session["id"].as_str().expect("an id").to_owned();
    listed(stage, access).await.into_iter().map(id).collect()
}

async fn log_in(stage: &Stage) -> Tokens {
    Tokens::of(&stage.log_in(EMAIL).await.expect(201).body)
}

#[tokio::test]
async fn a_user_sees_their_sessions() {
    let stage = Stage::new();
    let first = stage.signed_in(EMAIL).await;
    stage.pass(Duration::from_mins(2));
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let request = Request::post("/v1/sessions", &body).header("user-agent", "a telephone");
    let second = Tokens::of(&stage.send(request).await.expect(201).body);
    stage.pass(Duration::from_mins(1));
    stage.refresh(&first.refresh).await.expect(200);

    let sessions = listed(&stage, &second.access).await;

    let of_second = json!({
        "id": second.session_id, "created_at": "2026-11-21T03:02:00Z", "refreshed_at": "2026-11-21T03:02:00Z",
        "expires_at": "2026-11-28T03:02:00Z", "ip": sessions[0]["ip"], "user_agent": "a telephone",
        "current": true,
    });
    let of_first = json!({
        "id": first.session_id, "created_at": "2026-11-21T03:00:00Z", "refreshed_at": "2026-11-21T03:03:00Z",
        "expires_at": "2026-11-28T03:03:00Z", "ip": sessions[1]["ip"], "user_agent": null, "current": false,
    });
    assert_eq!(sessions, [of_second, of_first]);
    assert!(sessions[0]["ip"].is_string(), "{sessions:?}");
}

#[tokio::test]
async fn only_active_sessions_are_listed() {
    let stage = Stage::new();
    let idle = stage.signed_in(EMAIL).await;
    stage.pass(Duration::from_hours(6 * 24 + 23));
    let kept = log_in(&stage).await;
    stage.pass(Duration::from_mins(1));
    let ended = log_in(&stage).await;
    let newest_first = [&ended.session_id, &kept.session_id, &idle.session_id];
    assert_eq!(ids(&stage, &kept.access).await.iter().collect::<Vec<_>>(), newest_first);

    stage.log_out(&ended.access).await.expect(204);
    assert_eq!(ids(&stage, &kept.access).await, [kept.session_id.clone(), idle.session_id.clone()]);

    stage.pass(Duration::from_hours(1));
    let kept = Tokens::of(&stage.refresh(&kept.refresh).await.expect(200).body);
    assert_eq!(ids(&stage, &kept.access).await, std::slice::from_ref(&kept.session_id), "one has expired");

    let other = log_in(&stage).await;
    stage.send(Request::delete(PATH).bearer(&other.access)).await.expect(204);
    assert_eq!(ids(&stage, &other.access).await, [other.session_id], "the others ended immediately");
}

#[tokio::test]
async fn a_long_list_is_paged() {
    let stage = Stage::new();
    let access = stage.signed_in(EMAIL).await;
    let mut expected = vec![access.session_id.clone()];
    for _ in 0..4 {
        stage.pass(Duration::from_secs(1));
        expected.insert(0, log_in(&stage).await.session_id);
    }
    let ended = log_in(&stage).await;
    stage.log_out(&ended.access).await.expect(204);

    let (mut seen, mut query) = (Vec::new(), "?limit=2".to_owned());
    loop {
        let part = stage.get(&format!("{PATH}{query}"), &access.access).await.expect(200).body;
        let items = part["items"].as_array().expect("items");
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(next) = part["next_cursor"].as_str() else { break };
        query = format!("?limit=2&cursor={next}");
    }

    assert_eq!(seen, expected);
    assert_eq!(
        stage.get(&format!("{PATH}?cursor=x"), &access.access).await.expect(400).problem(),
        "invalid-cursor"
    );
    for wrong in ["?limit=0", "?limit=101", "?limit=x", "?offset=1"] {
        assert_eq!(
            stage.get(&format!("{PATH}{wrong}"), &access.access).await.expect(422).problem(),
            "validation-failed"
        );
    }
}

#[tokio::test]
async fn users_cannot_see_the_data_of_others() {
    let stage = Stage::new();
    let ada = stage.signed_in(EMAIL).await;
    let bob = stage.signed_in("bob@example.com").await;

    assert_eq!(ids(&stage, &bob.access).await, [bob.session_id]);
    assert_eq!(stage.send(Request::get(PATH)).await.expect(401).problem(), "invalid-token");
    assert_eq!(ids(&stage, &ada.access).await, [ada.session_id]);
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    stage.get(PATH, &tokens.access).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    stage.get(PATH, &tokens.access).await.expect(200);

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
