//! The rules for passwords.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use local::{
    Setup, Stack,
    calls::{Call, Fate, Refusal},
};
use serde_json::{Value, json};
use stage::{Answer, PASSWORD, Stage};

/// A password that the stand-in for Have I Been Pwned knows.
const STOLEN: &str = "swimming with the sharks";

async fn register(stage: &Stage, password: &str) -> Answer {
    let person = json!({"email": "ada@example.com", "password": password});
    stage.post("/v1/registrations", person).await
}

fn codes(refused: &Answer) -> Vec<&str> {
    let errors = refused.body["errors"].as_array().expect("errors");
    errors.iter().map(|error| error["code"].as_str().expect("a code")).collect()
}

fn checking(setup: Setup) -> Setup {
    setup.with_parameter("BreachedPasswords", "check")
}

/// Returns the result of the breach check in the event.
async fn told(stage: &Stage) -> Value {
    stage.settle().await;
    let events = stage.stack.events();
    events.first().expect("an event").detail["data"]["breach_check"].clone()
}

#[tokio::test]
async fn all_violated_rules_are_reported_together() {
    let stage = Stage::new();
    let person = json!({"email": "nobody", "password": "Gatepost\u{7}", "first_name": "", "locale": "?"});

    let refused = stage.post("/v1/registrations", person).await.expect(422);

    let too_short = "password-too-short";
    let expected =
        ["invalid-email", "validation-failed", too_short, "validation-failed", "validation-failed"];
    assert_eq!(codes(&refused), expected);
    assert!(refused.body.to_string().contains("must have at least 15 characters"), "{}", refused.body);
}

#[tokio::test]
async fn each_policy_and_each_number_is_a_parameter() {
    let refusal_of = async |parameters: &[(&str, &str)], password: &str| {
        let set = |setup: Setup, (name, value): &(&str, &str)| setup.with_parameter(name, value);
        let stage = Stage::with(|setup| parameters.iter().fold(setup, set));
        let answer = register(&stage, password).await;
        if answer.status == 202 { Vec::new() } else { codes(&answer.expect(422)).concat().into_bytes() }
    };
    let long = "kölner Dom, 157 m hoch, 144 m lang, 86 m breit, seit 1248 im Bau, 1880 fertig";
    let default = ("PasswordPolicy", "default");
    for (parameters, password, expected) in [
        (&[default][..], "kölner Dom, 157", ""),
        (&[default], "kölner Dom, 15", "password-too-short"),
        (&[default], "manchesterunited", "password-blocklisted"),
        (&[default, ("PasswordMinLength", "12")], "kölner Dom 1", ""),
        (&[default, ("PasswordMaxLength", "64")], long, "password-too-long"),
        (&[("PasswordPolicy", "strict")], "kölner Dom, 157 m h", "password-too-short"),
        (&[("PasswordPolicy", "strict")], "kölner Dom, 157 m ho", ""),
        (&[("PasswordPolicy", "lenient")], "password", ""),
        (&[("PasswordPolicy", "lenient")], "passwor", "password-too-short"),
    ] {
        let refusal = refusal_of(parameters, password).await;
        assert_eq!(String::from_utf8_lossy(&refusal), expected, "{parameters:?}: {password}");
    }
}

#[tokio::test]
async fn the_lenient_policy_must_be_forced_outside_of_tests() {
    let starts = async |issuer: &str, policy: &str| {
        let setup = Stack::memory().at(issuer).with_parameter("PasswordPolicy", policy);
        setup.start().expect("a stack").warm().await.map_err(|error| error.to_string())
    };

    starts("http://127.0.0.1:9000", "lenient").await.expect("for tests");
    starts("https://id.example.com", "default").await.expect("as it should be");
    starts("https://id.example.com", "lenient-in-production").await.expect("forced");
    let refused = starts("https://id.example.com", "lenient").await.expect_err("a refusal");
    assert!(refused.contains("PASSWORD_POLICY"), "{refused}");
}

#[tokio::test]
async fn a_password_based_on_personal_words_is_refused() {
    let stage = Stage::new();
    let person = |first: &str, last: &str| {
        let password = "Wilhelmina-Featherstone7";
        json!({"email": "x@example.com", "password": password, "first_name": first, "last_name": last})
    };

    let refused = stage.post("/v1/registrations", person("Wilhelmina", "Featherstone")).await.expect(422);

    assert_eq!(codes(&refused), ["password-blocklisted"]);
    stage.post("/v1/registrations", person("Ada", "Lovelace")).await.expect(202);
}

#[tokio::test]
async fn a_password_that_is_too_long_is_refused_alone_and_counts_nothing() {
    let stage = Stage::with(Setup::recording);
    for long in ["x".repeat(257), "x".repeat(4096), "x".repeat(9000)] {
        let refused = register(&stage, &long).await.expect(422);
        assert_eq!(codes(&refused), ["password-too-long"]);
    }
    assert!(stage.stack.calls().iter().all(|made| made.call.service == "secretsmanager"));
}

/// The check for guessable passwords runs after the limit.
#[tokio::test]
async fn a_guessable_password_counts_as_an_attempt() {
    let stage = Stage::new();
    for _ in 0..5 {
        register(&stage, "manchesterunited").await.expect(422);
    }

    register(&stage, "manchesterunited").await.expect(429);
}

#[tokio::test]
async fn a_breached_password_is_refused_if_the_check_is_enabled() {
    let stage = Stage::with(checking);

    let refused = register(&stage, STOLEN).await.expect(422);

    assert_eq!(codes(&refused), ["password-breached"]);
    register(&stage, PASSWORD).await.expect(202);
    assert_eq!(told(&stage).await, Value::Null, "the check was not skipped");
}

#[tokio::test]
async fn breaches_are_not_looked_up_unless_the_check_is_enabled() {
    let stage = Stage::with(Setup::recording);

    register(&stage, STOLEN).await.expect(202);

    assert!(stage.stack.calls().iter().all(|made| made.call.service != "breaches"));
}

#[tokio::test]
async fn the_check_sends_five_digits_of_a_hash_and_adds_no_round_trip() {
    let stage = Stage::with(|setup| checking(setup).recording());
    register(&stage, PASSWORD).await.expect(202);
    stage.forget_calls();

    register(&stage, PASSWORD).await.expect(202);

    let calls = stage.stack.calls();
    let asked: Vec<_> = calls.iter().filter(|made| made.call.service == "breaches").collect();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].call.operation.len(), asked[0].request_bytes), (5, 0));
}

#[tokio::test]
async fn without_a_response_the_password_is_accepted_and_the_event_records_it() {
    let fates: [fn() -> Fate; 4] = [
        || Fate::Silence,
        || Fate::RequestLost,
        || Fate::Refused(Refusal::INTERNAL),
        || Fate::Refused(Refusal { status: 429, code: "TooManyRequests" }),
    ];
    for fate in fates {
        let watcher = move |call: &Call| if call.service == "breaches" { fate() } else { Fate::Proceed };
        let stage = Stage::with(|setup| checking(setup).watched_by(watcher));

        register(&stage, STOLEN).await.expect(202);

        assert_eq!(told(&stage).await, "unavailable");
    }
}

#[tokio::test]
async fn a_password_of_a_refused_length_is_not_looked_up() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let watcher = |call: &Call| {
        ASKED.fetch_add(usize::from(call.service == "breaches"), SeqCst);
        Fate::Proceed
    };
    let stage = Stage::with(|setup| checking(setup).watched_by(watcher));

    register(&stage, "short").await.expect(422);
    assert_eq!(ASKED.load(SeqCst), 0);

    register(&stage, PASSWORD).await.expect(202);
    assert_eq!(ASKED.load(SeqCst), 1);
}
