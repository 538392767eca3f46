//! The logs of the functions during normal use, during refusals and during outages contain neither personal
//! data nor secrets.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use local::{
    Request, Setup, Stack,
    calls::{Call, Fate, Refusal},
};
use serde_json::{Value, json};
use stage::{PASSWORD, Stage};

use crate::again;

/// The values that users send here and in [`again::ready`]: addresses, names, passwords, an attribute.
const SENT: [&str; 8] = [
    "ada@example",
    "eve@example",
    "Lovelace",
    "Augustina",
    "onward-and-upward",
    PASSWORD,
    "another horse, another battery",
    "not the password at all",
];
/// The beginnings of values that users get, namely tokens of each kind, and of the stored password hash.
const GIVEN: [&str; 5] = ["gpl_", "gpr_", "gps_", "eyJ", "$argon2"];

/// Internal failures, whose cause is logged.
const FATES: [fn() -> Fate; 3] =
    [|| Fate::Refused(Refusal::ACCESS_DENIED), || Fate::RequestLost, || Fate::AnswerLost];

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a log").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The calls that fail.
type Broken = Arc<Mutex<fn(&Call) -> bool>>;

/// Creates a stage on which calls meet `fate` while they are selected.
fn breakable(fate: fn() -> Fate, log: &Log) -> (Stage, Broken) {
    let broken: Broken = Arc::new(Mutex::new(|_| false));
    let switch = Arc::clone(&broken);
    let watcher =
        move |call: &Call| if switch.lock().expect("a switch")(call) { fate() } else { Fate::Proceed };
    (Stage::with(|setup| declared(setup, log).watched_by(watcher)), broken)
}

fn declared(setup: Setup, log: &Log) -> Setup {
    let log = log.clone();
    let setup = setup.logging_to(move |line| {
        writeln!(log.clone(), "{}\n{}", line.json(), json!(line.text())).expect("a line");
    });
    let schema = r#"{"motto": {"type": "string", "write": "user"}}"#;
    setup.with_parameter("AttributesSchema", schema).with_parameter("DeletionGraceDays", "0")
}

/// Sends a request that fails, then succeeds except for its mail, and then is repeated. Also sends a similar
/// one with an unknown field.
async fn tried(route: &str, fate: fn() -> Fate, log: &Log) {
    let (stage, broken) = breakable(fate, log);
    let say = |which: fn(&Call) -> bool| *broken.lock().expect("a switch") = which;
    let request = again::ready(route, &stage).await;
    say(|_| true);
    let failed = stage.send(request.clone()).await;
    assert!(failed.status >= 400, "{route}");
    say(|call| call.function == "send-mail");
    stage.send(request.clone()).await;
    let _ = stage.stack.settle().await;
    say(|_| false);
    stage.send(request.clone()).await;
    let (method, path) = route.split_once(' ').expect("a route");
    let path = path.replace("{id}", "ada@example.com");
    let wrong =
        json!({"email": "ada@example.com", "password": PASSWORD, "first_name": "Augustina", "x": "Lovelace"});
    stage.send(Request::new(method, &path).json(&wrong)).await;
    stage.settle().await;
}

/// A user adds personal data, mistypes the password, exports the data, and is erased.
async fn lived(stage: &Stage) {
    let tokens = stage.signed_in("eve@example.com").await;
    let patch =
        json!({"first_name": "Augustina", "last_name": null, "attributes": {"motto": "onward-and-upward"}});
    stage.send(Request::new("PATCH", "/v1/me").json(&patch).bearer(&tokens.access)).await.expect(200);
    stage.log_in_with("eve@example.com", "not the password at all").await.expect(401);
    stage.get("/v1/me/export?cursor=eve@example.com", &tokens.access).await;
    stage.get("/v1/me/export", &tokens.access).await.expect(200);
    stage.get("/v1/nobody/eve@example.com", &tokens.access).await.expect(404);
    let delete = Request::delete("/v1/me").json(&json!({"password": PASSWORD}));
    stage.send(delete.bearer(&tokens.access)).await.expect(204);
    stage.pass(Duration::from_mins(6));
    for scheduled in ["erase-users", "sweep-events", "write-digest"] {
        stage.stack.run_schedule(scheduled).await.expect("a run");
    }
    stage.settle().await;
}

/// Each refusal by a function with the key is logged with the hash of its source, and with its user or the
/// hash of its address. An invalid link has no user.
fn every_refusal_names_its_user_or_source(lines: &[Value]) {
    let template = Stack::memory().template().expect("the template");
    let has_key = |line: &&Value| {
        let function = template.functions.get(line["Function"].as_str().unwrap_or_default());
        function.is_some_and(|function| function.settings.contains_key("CREDENTIALS_SECRET"))
    };
    let metrics = ["AuthFailed", "AuthLimited", "AuthForbidden", "AuthTokenReused"];
    let is_refusal = |line: &&Value| metrics.iter().any(|metric| line[metric].is_u64());
    let refusals: Vec<_> = lines.iter().filter(is_refusal).filter(has_key).collect();
    assert!(refusals.len() >= 3, "{refusals:?}");
    for line in refusals {
        assert!(line["source_hash"].is_string(), "{line}");
        let is_named = line["user_id"].is_string() || line["address_hash"].is_string();
        let is_anonymous =
            ["link-invalid", "invalid-token"].contains(&line["problem"].as_str().unwrap_or_default());
        assert!(is_named || is_anonymous, "{line}");
    }
}

#[tokio::test]
async fn no_line_holds_anything_of_a_person_or_a_secret() {
    let log = Log::default();
    let writer = log.clone();
    // With a single subscriber, a callsite first reached by another test's thread would be cached as
    // disabled.
    let _another = tracing::Dispatch::new(tracing::subscriber::NoSubscriber::default());
    let logging = tracing::subscriber::set_default(cloud::log_to(move || writer.clone()));
    lived(&Stage::with(|setup| declared(setup, &log))).await;
    let routes = again::changing();
    join_all(routes.iter().zip(FATES.iter().cycle()).map(|(route, fate)| tried(route, *fate, &log))).await;
    drop(logging);

    let written = String::from_utf8(log.0.lock().expect("a log").clone()).expect("text");
    let lines: Vec<Value> =
        written.lines().map(|line| serde_json::from_str(line).expect("JSON in each line")).collect();
    let said = |message: &str| lines.iter().any(|line| line["message"] == message);
    for message in ["answered", "done", "refused by a failure", "handled", "not handled", "erased"] {
        assert!(said(message), "nobody logged `{message}`: is it the log that is searched?");
    }
    for line in lines.iter().filter(|line| line["message"] == "handled") {
        let is_of_request =
            !["user.erased", "digest.written"].contains(&line["kind"].as_str().unwrap_or_default());
        assert_eq!(line["trace_id"].is_string(), is_of_request, "{line}");
    }
    every_refusal_names_its_user_or_source(&lines);
    for line in written.lines() {
        for private in SENT.iter().chain(&GIVEN) {
            assert!(!line.contains(private), "`{private}` in {line}");
        }
    }
}
