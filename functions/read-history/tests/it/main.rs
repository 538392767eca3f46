//! Reading the own history, tested through the API.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use local::{Request, calls::round_trips};
use serde_json::Value;
use stage::{Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const PATH: &str = "/v1/me/events";

async fn part(stage: &Stage, tokens: &Tokens, query: &str) -> Value {
    stage.get(&format!("{PATH}{query}"), &tokens.access).await.expect(200).body
}

fn items(part: &Value) -> &[Value] {
    part["items"].as_array().expect("items")
}

async fn log_in(stage: &Stage) -> Tokens {
    Tokens::of(&stage.log_in(EMAIL).await.expect(201).body)
}

#[tokio::test]
async fn a_user_sees_their_published_events_newest_first() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    stage.signed_in("bob@example.com").await;
    let last = log_in(&stage).await;
    stage.log_out(&last.access).await.expect(204);
    stage.settle().await;

    let history = part(&stage, &tokens, "").await;

    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    let subject = format!("user#{}", me["id"].as_str().expect("an id"));
    let published = stage.stack.events().into_iter().map(|event| event.detail);
    let mut expected: Vec<_> = published.filter(|detail| detail["subject"] == *subject).collect();
    expected.reverse();
    assert_eq!((items(&history), expected.len()), (&*expected, 4));
    assert_eq!(history["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_long_history_is_paged() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    for _ in 0..3 {
        log_in(&stage).await;
    }
    let whole = part(&stage, &tokens, "?limit=100").await;

    for limit in 1..=6 {
        let (mut seen, mut query) = (Vec::new(), format!("?limit={limit}"));
        loop {
            let part = part(&stage, &tokens, &query).await;
            assert!(!items(&part).is_empty() && items(&part).len() <= limit, "{limit}");
            seen.extend(items(&part).to_vec());
            let Some(next) = part["next_cursor"].as_str() else { break };
            query = format!("?limit={limit}&cursor={next}");
        }
        assert_eq!(seen, items(&whole), "{limit}");
    }
    assert_eq!(
        stage.get(&format!("{PATH}?cursor=3"), &tokens.access).await.expect(400).problem(),
        "invalid-cursor"
    );
    for wrong in ["?limit=0", "?limit=101", "?limit=x", "?from=1"] {
        let refused = stage.get(&format!("{PATH}{wrong}"), &tokens.access).await.expect(422);
        assert_eq!(refused.problem(), "validation-failed", "{wrong}");
    }
}

#[tokio::test]
async fn it_has_no_ip_address_and_no_secrets() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let body = serde_json::json!({"email": EMAIL, "password": stage::PASSWORD});
    let request = Request::post("/v1/sessions", &body).header("user-agent", "a telephone");
    let tokens = Tokens::of(&stage.send(request).await.expect(201).body);
    let sessions = stage.get("/v1/me/sessions", &tokens.access).await.expect(200).body;
    let ip = sessions["items"][0]["ip"].as_str().expect("an address").to_owned();

    // The issuer has the same IP address in this test.
    let history = part(&stage, &tokens, "").await.to_string().replace(&format!("http://{ip}"), "");

    for secret in [&*ip, "a telephone", stage::PASSWORD, "argon2", "gpr_", "gpl_", "gps_"] {
        assert!(!history.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn users_cannot_see_the_data_of_others() {
    let stage = Stage::new();
    let ada = stage.signed_in(EMAIL).await;
    let bob = stage.signed_in("bob@example.com").await;

    assert!(!part(&stage, &bob, "").await.to_string().contains(EMAIL));
    assert!(part(&stage, &ada, "").await.to_string().contains(EMAIL));
    stage.send(Request::get(PATH)).await.expect(401);
    stage.pass(Duration::from_mins(11));
    assert_eq!(stage.get(PATH, &ada.access).await.expect(401).problem(), "token-expired");
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    part(&stage, &tokens, "").await;
    stage.settle().await;
    stage.forget_calls();

    part(&stage, &tokens, "").await;

    assert_eq!(round_trips(&stage.stack.calls()), 1);
}

#[tokio::test]
async fn a_cursor_is_valid_for_one_user_and_one_list() {
    let stage = Stage::new();
    let (ada, bob) = (stage.signed_in("ada@example.com").await, stage.signed_in("bob@example.com").await);
    let page = stage.get(&format!("{PATH}?limit=1"), &ada.access).await.expect(200).body;
    let cursor = page["next_cursor"].as_str().expect("a user has more than one event");

    let of_another = stage.get(&format!("{PATH}?cursor={cursor}"), &bob.access).await.expect(400);
    let elsewhere = stage.get(&format!("/v1/me/sessions?cursor={cursor}"), &ada.access).await.expect(400);

    assert_eq!([of_another.problem(), elsewhere.problem()], ["invalid-cursor"; 2]);
}
