//! Events that API Gateway can send and the local gateway does not.

use local::functions::CallFailed;
use serde_json::{Value, json};
use stage::Stage;

fn event(method: &str, path: &str) -> Value {
    json!({
        "version": "2.0",
        "rawPath": path,
        "headers": {"content-type": "application/json", "host": "gatepost.test"},
        "requestContext": {"http": {"method": method, "sourceIp": "203.0.113.7"}, "requestId": "request-1"},
    })
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut event = event("POST", "/v1/sessions");
    event[name] = value.into();
    event
}

fn problem(answer: &Value) -> String {
    let body = answer["body"].as_str().expect("a body");
    let problem: Value = serde_json::from_str(body).expect("JSON");
    problem["type"].as_str().and_then(|name| name.rsplit('/').next()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn events_of_other_services_and_malformed_ones_are_failed_calls() {
    let stage = Stage::new();
    let rest = json!({
        "resource": "/a", "path": "/a", "httpMethod": "GET", "headers": {}, "body": null,
        "requestContext": {"stage": "prod", "httpMethod": "GET", "identity": {"sourceIp": "203.0.113.7"}},
    });
    let balancer = json!({
        "requestContext": {"elb": {"targetGroupArn": "arn"}}, "httpMethod": "GET", "path": "/a",
        "headers": {}, "body": "", "isBase64Encoded": false,
    });

    for other in [rest, balancer, json!({}), json!("text"), with("headers", json!({"a b": "c"}))] {
        let refused = stage.stack.call("log-in", &other).await;
        assert!(matches!(refused, Err(CallFailed::Unreadable(_))), "{other}: {refused:?}");
    }
    for other in [with("version", "1.0"), with("rawPath", ":99999999"), with("rawPath", Value::Null)] {
        let refused = stage.stack.call("log-in", &other).await;
        assert!(matches!(refused, Err(CallFailed::Failed(..))), "{other}: {refused:?}");
    }
}

#[tokio::test]
async fn a_base64_body_is_read_and_refused_if_it_is_malformed_or_too_large() {
    let stage = Stage::new();

    for (body, status, refusal) in [
        // The encoded text is `{}`.
        ("e30=".to_owned(), 422, "validation-failed"),
        ("e30".to_owned(), 400, "malformed-json"),
        ("!".repeat(32 * 1024), 413, "payload-too-large"),
    ] {
        let mut event = with("body", &*body);
        event["isBase64Encoded"] = true.into();
        let answer = stage.stack.call("log-in", event).await.expect("an answer");
        assert_eq!((&answer["statusCode"], &*problem(&answer)), (&json!(status), refusal));
    }
}

#[tokio::test]
async fn a_malformed_query_or_host_gets_a_response() {
    let stage = Stage::new();

    for query in ["a=\"b\"", "<>#", "a b\u{0}é"] {
        let mut event = event("GET", "/v1/nothing\"<>");
        event["rawQueryString"] = query.into();
        event["headers"] = json!({"host": "a b:99999999", "x-forwarded-proto": "1 2"});
        let answer = stage.stack.call("unknown-route", event).await.expect("an answer");
        assert_eq!((&answer["statusCode"], &*problem(&answer)), (&json!(404), "not-found"), "{query:?}");
        assert_eq!(answer["headers"]["x-correlation-id"], "request-1");
        assert_eq!(answer["cookies"], json!([]));
    }
}
