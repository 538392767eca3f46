//! Every route with an access token checks the current user and session: callers who are suspended, whose
//! session has ended, or whose epoch was raised are refused, and change nothing.

use std::{collections::BTreeSet, fs};

use local::{Request, Setup, calls::Call};
use serde_json::{Value, json};
use stage::{Answer, Stage};

use crate::again;

const ROOT: &str = "root@example.com";
const CALLER: &str = "ada@example.com";
const CONTRACT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");

/// Returns every operation with the access token of a session, and whether it needs a permission.
pub(crate) fn with_token() -> Vec<(String, bool)> {
    let contract: Value =
        serde_json::from_str(&fs::read_to_string(CONTRACT).expect("a contract")).expect("JSON");
    let mut found = Vec::new();
    // The OAuth endpoints take the tokens of clients.
    let paths = contract["paths"].as_object().expect("paths").iter();
    for (path, operations) in paths.filter(|(path, _)| !path.starts_with("/oauth2/")) {
        for (method, operation) in operations.as_object().expect("operations") {
            if operation["security"].as_array().is_some_and(|schemes| !schemes.is_empty()) {
                let refusal = operation["responses"]["403"].to_string();
                found.push((format!("{} {path}", method.to_uppercase()), refusal.contains("forbidden")));
            }
        }
    }
    found
}

/// A way in which a session ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Suspended,
    LoggedOut,
    EpochRaised,
}

/// A request that would succeed, and the values for ending its caller's session.
struct Ready {
    request: Request,
    access: String,
    caller: Value,
    root: String,
}

impl Ready {
    async fn at(stage: &Stage, route: &str) -> Self {
        let root = stage.administrator(ROOT).await.access;
        let (request, access) = match route.split_once(' ').expect("a method") {
            ("GET", path) => reading(stage, path).await,
            _ => again::prepared(route, stage).await,
        };
        let access = access.expect("a token");
        let path = format!("/v1/users?email_prefix={CALLER}");
        let caller = stage.get(&path, &root).await.expect(200).body["items"][0].clone();
        stage.settle().await;
        Self { request: request.bearer(&access), access, caller, root }
    }

    async fn end(&self, stage: &Stage, end: End) {
        match end {
            End::Suspended => drop(stage.suspend(&self.root, &self.caller).await.expect(200)),
            End::LoggedOut => drop(stage.log_out(&self.access).await.expect(204)),
            End::EpochRaised => drop(stage.end_sessions(&self.root, &self.caller).await.expect(204)),
        }
        stage.settle().await;
        stage.forget_calls();
    }
}

/// Returns a request to a reading route, and the access token of its caller.
async fn reading(stage: &Stage, path: &str) -> (Request, Option<String>) {
    let (caller, tokens) = stage.known_administrator(CALLER).await;
    let path = path.replace("{id}", stage::id(&caller)).replace("{name}", "admin");
    let query = if path.ends_with("/upload-form") { "?content_type=image/png" } else { "" };
    (Request::get(&format!("{path}{query}")), Some(tokens.access))
}

/// Returns the operations that write, since the calls were last forgotten.
fn writes(stage: &Stage) -> BTreeSet<String> {
    writing(stage).into_iter().map(|call| call.operation).collect()
}

/// The same without the counter of comparisons under an idempotency key: a comparison is counted before its
/// caller is admitted.
fn writes_but_of_guesses(stage: &Stage) -> BTreeSet<String> {
    let counts_a_guess = |call: &Call| {
        let keys = call.touches.iter().map(|touch| touch.partition_key.as_deref().unwrap_or_default());
        call.operation == "UpdateItem"
            && keys.into_iter().all(|key| key.starts_with("LIMIT#") && key.contains("#receipt#"))
    };
    writing(stage).into_iter().filter(|call| !counts_a_guess(call)).map(|call| call.operation).collect()
}

fn writing(stage: &Stage) -> Vec<Call> {
    const READS: [&str; 5] = ["GetItem", "BatchGetItem", "Query", "GetSecretValue", "GetObject"];
    let calls = stage.stack.calls().into_iter().map(|made| made.call);
    calls.filter(|call| !READS.contains(&call.operation.as_str())).collect()
}

fn refused(route: &str, end: End, answer: &Answer) {
    assert_eq!((answer.status, answer.problem()), (401, "invalid-token"), "{route}, {end:?}");
}

#[tokio::test]
async fn a_caller_who_is_no_longer_signed_in_is_refused_on_every_route_and_changes_nothing() {
    for (route, _) in with_token() {
        for end in [End::Suspended, End::LoggedOut, End::EpochRaised] {
            let stage = Stage::with(Setup::recording);
            let ready = Ready::at(&stage, &route).await;
            ready.end(&stage, end).await;

            let answer = stage.send(ready.request).await;

            refused(&route, end, &answer);
            assert_eq!(writes(&stage), BTreeSet::new(), "{route}, {end:?}");
        }
    }
}

#[tokio::test]
async fn a_kept_answer_is_given_again_only_to_a_caller_who_is_signed_in() {
    for (route, _) in with_token().into_iter().filter(|(route, _)| !route.starts_with("GET")) {
        for end in [End::Suspended, End::LoggedOut] {
            let stage = Stage::with(Setup::recording);
            let ready = Ready::at(&stage, &route).await;
            let first = again::send(&stage, &ready.request).await;
            assert!((200..300).contains(&first.status), "{route}: {}", first.body);
            // A request that ends the caller's own session gets only its own stored response again.
            let has_ended = stage.get("/v1/me", &ready.access).await.status == 401;
            if has_ended {
                assert_eq!(again::send(&stage, &ready.request).await.status, first.status, "{route}");
                break;
            }
            ready.end(&stage, end).await;

            let answer = again::send(&stage, &ready.request).await;

            refused(&route, end, &answer);
            assert_eq!(writes_but_of_guesses(&stage), BTreeSet::new(), "{route}, {end:?}");
        }
    }
}

#[tokio::test]
async fn a_request_that_takes_the_callers_own_right_gets_its_answer_again() {
    let stage = Stage::new();
    stage.administrator(ROOT).await;
    let (caller, tokens) = stage.known_administrator(CALLER).await;
    let own = |method, path: &str| {
        let path = format!("/v1/users/{}{path}", stage::id(&caller));
        Request::new(method, &path).json(&json!({"reason": "ticket 4711"})).bearer(&tokens.access)
    };
    let revoke = own("DELETE", "/roles/admin");

    again::send(&stage, &revoke).await.expect(204);

    again::send(&stage, &revoke).await.expect(204);
    stage.send(revoke).await.expect(403);
    stage.get(&format!("/v1/users/{}", stage::id(&caller)), &tokens.access).await.expect(403);
}
