//! The log line of a request.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use cloud::Line;
use local::{
    Request,
    calls::{Call, Fate, Made, Refusal, round_trips},
};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage};

use crate::{EMAIL, guess, of_log_in};

/// The lines written by the functions of the stage, each as JSON and as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<(String, String)>>>);

impl Lines {
    fn of(&self, setup: local::Setup) -> local::Setup {
        let lines = Arc::clone(&self.0);
        let written = move |line: &Line| (line.json(), line.text());
        setup.logging_to(move |line| lines.lock().expect("unpoisoned").push(written(line)))
    }

    fn take(&self) -> Vec<(String, String)> {
        std::mem::take(&mut self.0.lock().expect("unpoisoned"))
    }

    /// Returns the single line written since the last call.
    fn one(&self) -> Value {
        let lines = self.take();
        assert_eq!(lines.len(), 1, "{lines:?}");
        serde_json::from_str(&lines[0].0).expect("JSON")
    }
}

fn stage(change: impl FnOnce(local::Setup) -> local::Setup) -> (Stage, Lines) {
    let lines = Lines::default();
    (Stage::with(|setup| change(lines.of(setup))), lines)
}

fn units(calls: &[Made], is_counted: impl Fn(&Call) -> bool) -> f64 {
    let capacity = calls.iter().filter(|made| is_counted(&made.call)).flat_map(|made| &made.capacity);
    capacity.filter_map(|table| table["CapacityUnits"].as_f64()).sum()
}

fn reads(call: &Call) -> bool {
    ["GetItem", "Query"].contains(&call.operation.as_str())
}

#[tokio::test]
async fn a_request_writes_one_line_about_its_work() {
    let (stage, lines) = stage(local::Setup::recording);
    let user = stage.registered(EMAIL).await;
    stage.log_in(EMAIL).await.expect(201);
    stage.forget_calls();
    lines.take();

    let granted = stage.log_in(EMAIL).await.expect(201);

    let (line, calls) = (lines.one(), of_log_in(stage.stack.calls()));
    assert_eq!((&line["message"], &line["Function"]), (&json!("answered"), &json!("log-in")));
    assert_eq!((&line["route"], &line["status"]), (&json!("POST /v1/sessions"), &json!(201)));
    assert_eq!(line["correlation_id"], granted.header("x-correlation-id"));
    assert_eq!(line["user_id"], user["id"]);
    assert_eq!(line["cold"], false);
    assert_eq!((&line["calls"], &line["round_trips"]), (&json!(calls.len()), &json!(round_trips(&calls))));
    assert_eq!(line["read_units"], units(&calls, reads));
    assert_eq!(line["write_units"], units(&calls, |call| !reads(call)));
    assert!(line["HashTime"].as_u64() <= line["Latency"].as_u64(), "{line}");
    assert_eq!((&line["ColdStarts"], &line["Retries"]), (&Value::Null, &Value::Null), "none");
}

#[tokio::test]
async fn a_trace_is_continued_in_line_and_event_and_a_malformed_one_is_replaced() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let (stage, lines) = stage(|setup| setup);
    let of_events = |stage: &Stage| {
        let detail = stage.stack.events().pop().expect("an event").detail;
        detail["traceparent"].clone()
    };
    let body = json!({"email": EMAIL, "password": PASSWORD});
    let sent = format!("00-{TRACE}-00f067aa0ba902b7-01");

    stage.send(Request::post("/v1/registrations", &body).header("traceparent", &sent)).await.expect(202);
    stage.settle().await;
    assert_eq!(
        (&of_events(&stage), &lines.take().iter().any(|line| line.1.contains(&format!("trace_id={TRACE}")))),
        (&json!(sent), &true)
    );

    let malformed = sent.replace("00f067aa0ba902b7", "zzf067aa0ba902b7");
    let mut made = Vec::new();
    for sent in [malformed, sent.to_uppercase()] {
        let body = json!({"email": "eve@example.com", "password": PASSWORD});
        stage.send(Request::post("/v1/registrations", &body).header("traceparent", &sent)).await.expect(202);
        stage.settle().await;
        let written = lines.take();
        let line = written.iter().find(|(json, _)| json.contains("answered")).expect("a line");
        let line: Value = serde_json::from_str(&line.0).expect("JSON");
        let trace = line["trace_id"].as_str().expect("a trace").to_owned();
        let of_event = of_events(&stage);
        assert_eq!(of_event.as_str().expect("one").get(3..35), Some(&*trace), "a new one, equal in both");
        assert_ne!(trace, TRACE);
        made.push(trace);
    }
    assert_ne!(made[0], made[1]);
}

#[tokio::test]
async fn the_first_request_of_an_environment_is_cold() {
    let (stage, lines) = stage(|setup| setup);

    guess(&stage, EMAIL).await.expect(401);
    let first = lines.one();
    guess(&stage, EMAIL).await.expect(401);
    let second = lines.one();

    assert_eq!((&first["cold"], &first["ColdStarts"]), (&json!(true), &json!(1)));
    assert_eq!((&second["cold"], &second["ColdStarts"]), (&json!(false), &Value::Null));
    assert_eq!((&first["problem"], &first["user_id"]), (&json!("invalid-credentials"), &Value::Null));
}

#[tokio::test]
async fn limits_retries_and_failures_are_counted() {
    let (stage, lines) = stage(|setup| {
        let throttled = |call: &Call| call.function == "log-in" && call.operation == "TransactWriteItems";
        setup.watched_by(
            move |call| {
                if throttled(call) { Fate::Refused(Refusal::THROTTLED) } else { Fate::Proceed }
            },
        )
    });
    stage.registered(EMAIL).await;
    lines.take();

    stage.log_in(EMAIL).await.expect(503);
    let failed = lines.one();
    for _ in 0..10 {
        guess(&stage, "other@example.com").await.expect(401);
    }
    lines.take();
    guess(&stage, "other@example.com").await.expect(429);
    let limited = lines.one();

    assert_eq!((&failed["Failures"], &failed["Retries"]), (&json!(1), &json!(2)));
    let dimensions = |at: usize| failed["_aws"]["CloudWatchMetrics"][at]["Dimensions"].clone();
    assert_eq!((dimensions(0), dimensions(1)), (json!([["Stack"]]), json!([["Stack", "Function"]])));
    assert_eq!((&limited["AuthLimited"], &limited["Failures"]), (&json!(1), &Value::Null));
}

/// Returns a hash from a line, which must contain it.
fn hash(line: &Value, name: &str) -> String {
    let hash = line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}"));
    assert!(hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{hash}");
    hash.to_owned()
}

#[tokio::test]
async fn a_refusal_names_the_user_or_keyed_hashes_of_address_and_source() {
    let (stage, lines) = stage(|setup| setup);
    let user = stage.registered(EMAIL).await;
    let refused = async |source: &str, email: &str| {
        lines.take();
        let body = json!({"email": email, "password": "not the password at all"});
        stage.post_from(source, "/v1/sessions", body).await.expect(401);
        lines.one()
    };

    let unknown = refused("192.0.2.1", "nobody@example.com").await;
    let again = refused("192.0.2.1", "Nobody@EXAMPLE.com").await;
    let other = refused("192.0.2.2", "somebody@example.com").await;
    let known = refused("192.0.2.1", EMAIL).await;

    assert_eq!((&unknown["user_id"], &unknown["AuthFailed"]), (&Value::Null, &json!(1)));
    for name in ["address_hash", "source_hash"] {
        assert_eq!(hash(&unknown, name), hash(&again, name));
        assert_ne!(hash(&unknown, name), hash(&other, name));
    }
    assert_eq!((&known["user_id"], &known["address_hash"]), (&user["id"], &Value::Null));
    assert_eq!(hash(&known, "source_hash"), hash(&unknown, "source_hash"));

    let peppers = keys::Peppers::new(&stage.stack.cloud("log-in").expect("a cloud")).expect("settings");
    let peppers = peppers.add().await.expect("a pepper");
    stage.pass(Duration::from_hours(1));
    let rotated = refused("192.0.2.1", "nobody@example.com").await;
    assert_ne!(hash(&rotated, "address_hash"), hash(&unknown, "address_hash"), "the key has changed");
    let email = domain::Email::parse("nobody@example.com").expect("an address");
    let computed = peppers
        .peppers()
        .map(|(seed, _)| String::from(tokens::LogKey::derive(seed.bytes()).of_address(email.canonical())));
    let logged = [hash(&rotated, "address_hash"), hash(&unknown, "address_hash")];
    assert_eq!(computed.collect::<Vec<_>>(), logged, "an operator computes the hashes of both");
}

#[tokio::test]
async fn each_kind_of_refusal_is_counted_and_names_its_user() {
    let (stage, lines) = stage(|setup| setup);
    let user = stage.registered(EMAIL).await;
    let tokens = stage::Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    let second = stage::Tokens::of(&stage.refresh(&tokens.refresh).await.expect(200).body);
    stage.refresh(&second.refresh).await.expect(200);
    let counted = |name: &str, user_id: &Value| {
        let line = lines.one();
        assert_eq!((&line[name], &line["user_id"]), (&json!(1), user_id), "{line}");
    };

    lines.take();
    stage.get("/v1/users", &second.access).await.expect(403);
    counted("AuthForbidden", &user["id"]);
    stage.get("/v1/me", "not a token").await.expect(401);
    counted("AuthFailed", &Value::Null);
    stage.refresh(&tokens.refresh).await.expect(401);
    counted("AuthTokenReused", &user["id"]);
    let wrong = json!({"current_password": "not the password at all", "new_password": PASSWORD});
    let change = Request::new("PUT", "/v1/me/password").json(&wrong).bearer(&second.access);
    let answer = stage.send(change).await;
    assert!([401, 403].contains(&answer.status), "{answer:?}");
    counted("AuthFailed", &user["id"]);
    stage.pass(Duration::from_mins(11));
    stage.get("/v1/me", &second.access).await.expect(401);
    let expired = lines.one();
    assert_eq!((&expired["user_id"], &expired["AuthFailed"]), (&user["id"], &Value::Null), "no attack");
}

#[tokio::test]
async fn a_refused_link_is_logged_with_its_user() {
    let (stage, lines) = stage(|setup| setup);
    let user = stage.registered(EMAIL).await;
    let link = stage.reset_link(EMAIL).await;
    stage.reset(&link, "another horse, another battery").await.expect(204);
    lines.take();

    stage.reset(&link, PASSWORD).await.expect(400);

    let line = lines.one();
    assert_eq!((&line["user_id"], &line["AuthFailed"]), (&user["id"], &json!(1)));
    hash(&line, "source_hash");
}

#[tokio::test]
async fn a_limited_request_for_a_mail_has_the_hash_of_its_address() {
    let (stage, lines) = stage(|setup| setup.with_parameter("MailRequestsPerAddress", "1"));
    let hashes = async |path: &str, body: Value| {
        stage.post(path, body.clone()).await.expect(202);
        lines.take();
        stage.post(path, body).await.expect(429);
        let line = lines.one();
        assert_eq!(line["AuthLimited"], 1);
        hash(&line, "address_hash")
    };

    let resent = hashes("/v1/registrations/resend", json!({"email": EMAIL})).await;
    let reset = hashes("/v1/password-resets", json!({"email": EMAIL})).await;
    let registered = hashes("/v1/registrations", json!({"email": EMAIL, "password": PASSWORD})).await;

    assert_eq!((&resent, &resent), (&reset, &registered), "one address, one hash");
}

#[tokio::test]
async fn input_of_callers_is_not_logged() {
    const EVIL: &str = "evil\u{1b}[2J\u{9b}31m\u{2028}\"},{\"message\":\"forged\"} level=ERROR";
    let (stage, lines) = stage(|setup| setup);
    let huge = "evil".repeat(2000);
    for path in ["/v1/sessions", "/v1/evil%0D%0A%1B[2J", "/evil?evil=%0A{\"message\":\"evil\"}"] {
        for name in ["user-agent", "x-correlation-id", "traceparent", "idempotency-key", "authorization"] {
            for value in [EVIL, &huge, "evil evil\tevil"] {
                let body =
                    json!({"email": "evil\r\n@example.com", "password": format!("{EVIL}\r\n{PASSWORD}")});
                let request = Request::post(path, &body).header(name, value);
                stage.send(request).await;

                let written = lines.take();
                assert_eq!(written.len(), 1, "{written:?}");
                for line in [&written[0].0, &written[0].1] {
                    assert!(line.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{line}");
                    assert!(!line.contains("evil") && !line.contains("forged"), "{line}");
                }
                let line: Value = serde_json::from_str(&written[0].0).expect("JSON");
                assert_eq!(line["message"], "answered");
            }
        }
    }
}

#[tokio::test]
async fn no_line_contains_personal_data_or_secrets() {
    let (stage, lines) = stage(|setup| setup);
    let tokens = stage.signed_in(EMAIL).await;
    let again = stage.refresh(&tokens.refresh).await.expect(200).body;
    stage.log_out(&tokens.access).await.expect(204);
    stage.settle().await;

    let written = lines.take();

    let secrets = [EMAIL, "example.com", PASSWORD, "gpr_", "gpl_", "gps_", "eyJ", "$argon2", "127.0.0.1"];
    assert!(again["refresh_token"].is_string() && written.len() >= 8, "{written:?}");
    for (line, text) in &written {
        for secret in secrets {
            assert!(!line.contains(secret) && !text.contains(secret), "{secret} in {line}");
        }
    }
}
