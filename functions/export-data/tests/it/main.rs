//! Exporting data, tested through the API.

use local::Request;
use serde_json::{Value, json};
use stage::{PASSWORD, Stage, Tokens, outbox::Outbox};

const EMAIL: &str = "ada@example.com";
const PATH: &str = "/v1/me/export";

#[tokio::test]
async fn the_export_has_all_data_and_no_secrets() {
    let stage = Stage::new();
    stage.registered(EMAIL).await;
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let request = Request::post("/v1/sessions", &body).header("user-agent", "a telephone");
    let tokens = Tokens::of(&stage.send(request).await.expect(201).body);
    stage.settle().await;

    let export = stage.get(PATH, &tokens.access).await.expect(200).body;

    assert_eq!(export["profile"], stage.get("/v1/me", &tokens.access).await.expect(200).body);
    let history = stage.get("/v1/me/events", &tokens.access).await.expect(200).body;
    assert_eq!((&export["events"], &export["more_events"]), (&history["items"], &Value::Null));
    let session = json!({
        "kind": "session", "id": tokens.session_id, "generation": 0, "epoch": 1, "user_agent": "a telephone",
        "ip": export["records"][0]["ip"], "created_at": "2026-11-21T03:00:00Z",
        "rotated_at": "2026-11-21T03:00:00Z", "idle_expires_at": "2026-11-28T03:00:00Z",
        "expires_at": "2026-12-21T03:00:00Z",
    });
    assert_eq!(export["records"], json!([session]));
    assert!(export["records"][0]["ip"].is_string());
    for secret in [PASSWORD, "argon2", "_hash", "gpr_", "gpl_", "gps_"] {
        assert!(!export.to_string().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_history_too_long_for_one_response_continues_elsewhere() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;
    let subject = format!("user#{}", me["id"].as_str().expect("an id"));
    let (outbox, long) = (Outbox::of(&stage.stack), "\"".repeat(10_000));
    for number in 3..=400 {
        outbox.commit_detail(&subject, number, &json!({"n": number, "text": long}).to_string()).await;
    }

    let answer = stage.get(PATH, &tokens.access).await.expect(200);

    // Lambda takes the body as a JSON string.
    let octets = Value::from(answer.body.to_string()).to_string().len();
    assert!((4_900_000..5_900_000).contains(&octets), "{octets}");
    let events = answer.body["events"].as_array().expect("events");
    assert_eq!(answer.body["more_events"], "/v1/me/events");
    assert!(
        events.iter().map(|event| event["n"].as_u64()).eq((0..events.len()).map(|n| Some(400 - n as u64)))
    );
}

#[tokio::test]
async fn users_cannot_export_the_data_of_others() {
    let stage = Stage::new();
    stage.signed_in(EMAIL).await;
    let bob = stage.signed_in("bob@example.com").await;

    assert!(!stage.get(PATH, &bob.access).await.expect(200).body.to_string().contains(EMAIL));
    stage.send(Request::get(PATH)).await.expect(401);
}
