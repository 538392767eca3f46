//! Which passwords are taken.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use local::{
    Setup, Stack,
    calls::{Call, Fate, Refusal},
};
use serde_json::{Value, json};
use stage::{Answer, PASSWORD, Stage};

/// What the stand-in for Have I Been Pwned knows.
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

/// What the event says of the look-up.
async fn told(stage: &Stage) -> Value {
    stage.settle().await;
    let events = stage.stack.events();
    events.first().expect("an event").detail["data"]["breach_check"].clone()
}

#[tokio::test]
async fn all_that_is_wrong_is_said_at_once() {
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
async fn the_lenient_policy_must_be_forced_where_it_is_not_for_tests() {
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
async fn a_password_does_not_rest_on_the_persons_own_words() {
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

/// Whether it is easily guessed is found out behind the limit.
#[tokio::test]
async fn a_guessable_password_counts_as_a_registration() {
    let stage = Stage::new();
    for _ in 0..5 {
        register(&stage, "manchesterunited").await.expect(422);
    }

    register(&stage, "manchesterunited").await.expect(429);
}

#[tokio::test]
async fn a_stolen_password_is_refused_if_the_deployment_wants_that() {
    let stage = Stage::with(checking);

    let refused = register(&stage, STOLEN).await.expect(422);

    assert_eq!(codes(&refused), ["password-breached"]);
    register(&stage, PASSWORD).await.expect(202);
    assert_eq!(told(&stage).await, Value::Null, "there is nothing to tell");
}

#[tokio::test]
async fn nobody_is_asked_unless_the_deployment_wants_that() {
    let stage = Stage::with(Setup::recording);

    register(&stage, STOLEN).await.expect(202);

    assert!(stage.stack.calls().iter().all(|made| made.call.service != "breaches"));
}

#[tokio::test]
async fn five_digits_of_a_hash_are_all_that_is_asked_and_in_no_further_round_trip() {
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
async fn when_nobody_answers_the_password_is_taken_and_the_event_says_so() {
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
async fn what_is_refused_for_its_length_is_not_looked_up() {
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
