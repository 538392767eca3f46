//! Every request that changes something can be repeated under its `Idempotency-Key`, with one effect and one
//! response.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use futures_util::future::join_all;
use local::{
    Request, Stack,
    calls::{Call, Fate},
    functions,
};
use serde_json::json;
use stage::{
    Answer, PASSWORD, Stage, Tokens,
    applications::{Browser, forum},
    upload::PNG,
};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "another horse, another battery";
const KEY: &str = "0f6d1f4e-3c52-4a39-9f0c-8f3d1a5b7c2d";

/// Returns a request to a changing route, which will succeed on the stage.
pub(crate) async fn ready(route: &str, stage: &Stage) -> Request {
    let (request, token) = prepared(route, stage).await;
    match token {
        Some(token) => request.bearer(&token),
        None => request,
    }
}

/// Returns the request without its access token, and the token.
pub(crate) async fn prepared(route: &str, stage: &Stage) -> (Request, Option<String>) {
    if route.contains(" /v1/roles") || route.contains(" /v1/users") {
        let admin = stage.administrator(EMAIL).await;
        return (ready_by_administrator(route, stage, &admin).await, Some(admin.access));
    }
    if route.contains(" /v1/me") || route == "DELETE /v1/sessions/current" {
        let here = stage.signed_in(EMAIL).await;
        return (ready_at_home(route, stage, &here).await, Some(here.access));
    }
    (ready_by_anyone(route, stage).await, None)
}

/// Returns a request without an access token.
async fn ready_by_anyone(route: &str, stage: &Stage) -> Request {
    match route {
        "POST /v1/registrations" => {
            Request::post("/v1/registrations", &json!({"email": EMAIL, "password": PASSWORD}))
        }
        "POST /v1/registrations/resend" => {
            Request::post("/v1/registrations/resend", &json!({"email": EMAIL}))
        }
        "POST /v1/registrations/verify" => {
            stage.register(EMAIL).await.expect(202);
            let token = stage.link(EMAIL).await;
            Request::post("/v1/registrations/verify", &json!({"token": token, "password": PASSWORD}))
        }
        "POST /v1/sessions" => {
            stage.registered(EMAIL).await;
            Request::post("/v1/sessions", &json!({"email": EMAIL, "password": PASSWORD}))
        }
        "POST /v1/sessions/refresh" => {
            let tokens = stage.signed_in(EMAIL).await;
            Request::post("/v1/sessions/refresh", &json!({"refresh_token": tokens.refresh}))
        }
        "POST /v1/password-resets" => Request::post("/v1/password-resets", &json!({"email": EMAIL})),
        "POST /v1/password-resets/confirm" => {
            stage.registered(EMAIL).await;
            let body = json!({"token": stage.reset_link(EMAIL).await, "new_password": NEW});
            Request::post("/v1/password-resets/confirm", &body)
        }
        _ => panic!("how is {route} called?"),
    }
}

/// Returns a request that needs an administrator, without the token.
async fn ready_by_administrator(route: &str, stage: &Stage, admin: &Tokens) -> Request {
    stage.put_role(&admin.access, "editor", &["orders:read"]).await.expect(200);
    let (method, path) = route.split_once(' ').expect("a method");
    match path {
        "/v1/roles/{name}" if method == "PUT" => {
            Request::new("PUT", "/v1/roles/editor").json(&json!({"permissions": ["orders:refund"]}))
        }
        "/v1/roles/{name}" => Request::delete("/v1/roles/editor"),
        "/v1/users" => Request::post(path, &json!({"email": "new@example.com", "reason": "ticket 4711"})),
        "/v1/users/{id}" | "/v1/users/{id}/password-reset" => {
            let bob = stage.registered("bob@example.com").await;
            let path = path.replace("{id}", bob["id"].as_str().expect("an id"));
            let body = match method {
                "PATCH" => json!({"first_name": "Bob", "reason": "ticket 4711"}),
                _ => json!({"reason": "ticket 4711"}),
            };
            Request::new(method, &path).json(&body)
        }
        "/v1/users/{id}/roles/{name}" => {
            let bob = stage.registered("bob@example.com").await;
            if method == "DELETE" {
                stage.grant_role(&admin.access, &bob, "editor").await.expect(204);
            }
            let path = format!("/v1/users/{}/roles/editor", bob["id"].as_str().expect("an id"));
            Request::new(method, &path).json(&json!({"reason": "ticket 4711"}))
        }
        _ => ready_about_user(method, path, stage, admin).await,
    }
}

/// Returns a request about a user, without the token.
async fn ready_about_user(method: &str, path: &str, stage: &Stage, admin: &Tokens) -> Request {
    let bob = stage.registered("bob@example.com").await;
    if path == "/v1/users/{id}/reactivate" {
        stage.suspend(&admin.access, &bob).await.expect(200);
    }
    let path = path.replace("{id}", bob["id"].as_str().expect("an id"));
    Request::new(method, &path).json(&json!({"reason": "ticket 4711"}))
}

/// Returns a request that needs a session, without its token.
async fn ready_at_home(route: &str, stage: &Stage, here: &Tokens) -> Request {
    match route {
        "DELETE /v1/sessions/current" | "DELETE /v1/me/sessions" => {
            Request::delete(route.trim_start_matches("DELETE "))
        }
        "DELETE /v1/me/grants/{client_id}" => {
            let forum = stage.application(forum()).await;
            Browser::default().code(stage, &forum.request("openid"), EMAIL).await;
            Request::delete("/v1/me/grants/forum")
        }
        "DELETE /v1/me/sessions/{id}" => {
            let there = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
            Request::delete(&format!("/v1/me/sessions/{}", there.session_id))
        }
        "DELETE /v1/me" => Request::delete("/v1/me").json(&json!({"password": PASSWORD})),
        "PATCH /v1/me" => Request::new("PATCH", "/v1/me").json(&json!({"last_name": "Lovelace"})),
        "PUT /v1/me/picture" => {
            stage.upload(&here.access, PNG).await;
            Request::new("PUT", "/v1/me/picture")
        }
        "PUT /v1/me/password" => {
            let body = json!({"current_password": PASSWORD, "new_password": NEW});
            Request::new("PUT", "/v1/me/password").json(&body)
        }
        "POST /v1/me/email" => {
            let body = json!({"new_email": "ada@example.org", "password": PASSWORD});
            Request::post("/v1/me/email", &body)
        }
        "POST /v1/me/email/verify" => {
            let link = stage.email_link(&here.access, "ada@example.org").await;
            Request::post("/v1/me/email/verify", &json!({"token": link}))
        }
        _ => panic!("how is {route} called?"),
    }
}

/// Returns every route of the template that takes an `Idempotency-Key`.
pub(crate) fn changing() -> BTreeSet<String> {
    let stack = Stack::memory().start().expect("the stack starts");
    let routes = stack.template().routes.iter();
    let routes = routes.filter_map(|route| Some((route.method.clone()?, route.path.clone())));
    let registered = functions::ALL.iter().filter_map(|function| function.endpoint.as_ref());
    let keyless: BTreeSet<_> = registered
        .flat_map(|endpoint| endpoint.routes)
        .filter(|route| !route.takes_idempotency_key())
        .map(ToString::to_string)
        .collect();
    let routes = routes.filter(|(method, _)| method != "HEAD");
    routes.map(|(method, path)| format!("{method} {path}")).filter(|route| !keyless.contains(route)).collect()
}

pub(crate) fn under_the_key(request: &Request) -> Request {
    request.clone().header("idempotency-key", KEY)
}

pub(crate) async fn send(stage: &Stage, request: &Request) -> Answer {
    stage.send(under_the_key(request)).await
}

async fn published(stage: &Stage) -> usize {
    stage.settle().await;
    stage.stack.events().len()
}

fn same(route: &str, first: &Answer, second: &Answer) {
    assert_eq!((second.status, &second.body), (first.status, &first.body), "{route}");
    for header in ["content-type", "cache-control", "etag"] {
        assert_eq!(second.header(header), first.header(header), "{route}");
    }
}

#[tokio::test]
async fn the_same_request_again_has_no_other_effect_and_the_same_answer() {
    for route in changing() {
        let stage = Stage::new();
        let request = ready(&route, &stage).await;
        let first = send(&stage, &request).await;
        assert!((200..300).contains(&first.status), "{route}: {}", first.body);
        let events = published(&stage).await;

        // After the retry window of a refresh token.
        stage.pass(Duration::from_mins(5));
        let second = send(&stage, &request).await;

        same(&route, &first, &second);
        assert_eq!(published(&stage).await, events, "{route}");
    }
}

#[tokio::test]
async fn of_many_at_once_one_has_an_effect_and_all_get_its_answer() {
    for route in changing() {
        // Concurrent requests before the first response count as attempts.
        let stage = Stage::with(|setup| {
            let limits = ["LogInAttemptsPerAddress", "MailRequestsPerAddress"];
            limits.into_iter().fold(setup, |setup, limit| setup.with_parameter(limit, "15"))
        });
        let request = ready(&route, &stage).await;
        let before = published(&stage).await;

        let answers = join_all((0..15).map(|_| send(&stage, &request))).await;

        assert!((200..300).contains(&answers[0].status), "{route}: {}", answers[0].body);
        for answer in &answers {
            same(&route, &answers[0], answer);
        }
        assert!(published(&stage).await <= before + 1, "{route}");
    }
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    for route in changing() {
        let stage = Stage::new();
        let request = ready(&route, &stage).await;
        let first = send(&stage, &request).await;
        let events = published(&stage).await;

        let refused = send(&stage, &request.clone().header("if-match", "\"0\"")).await;

        let expected = match &*route {
            // The first request has ended the session.
            "DELETE /v1/sessions/current" | "DELETE /v1/me" | "POST /v1/me/email/verify" => {
                (401, "invalid-token")
            }
            _ => (422, "idempotency-mismatch"),
        };
        assert_eq!((refused.status, refused.problem()), expected, "{route}");
        same(&route, &first, &send(&stage, &request).await);
        assert_eq!(published(&stage).await, events, "{route}");
    }
}

/// The responses of all writes are lost, and no read is answered, so the result is unknown.
#[tokio::test]
async fn whoever_never_got_an_answer_gets_it_by_sending_the_request_again() {
    for route in changing() {
        let broken = Arc::new(AtomicBool::new(false));
        let is_broken = Arc::clone(&broken);
        let watcher = move |call: &Call| match call.operation.as_str() {
            "TransactWriteItems" if is_broken.load(SeqCst) => Fate::AnswerLost,
            // The first read of a stored response succeeds, so that a later call can be lost.
            "GetItem" if is_broken.load(SeqCst) && call.request.to_string().contains("seq") => {
                Fate::RequestLost
            }
            _ => Fate::Proceed,
        };
        let stage = Stage::with(|setup| setup.watched_by(watcher));
        let request = ready(&route, &stage).await;
        let before = published(&stage).await;

        broken.store(true, SeqCst);
        send(&stage, &request).await;
        broken.store(false, SeqCst);
        let second = send(&stage, &request).await;

        assert!((200..300).contains(&second.status), "{route}: {}", second.body);
        same(&route, &second, &send(&stage, &request).await);
        assert!(published(&stage).await <= before + 1, "{route}");
    }
}

#[tokio::test]
async fn after_a_day_a_key_stands_for_nothing_any_more() {
    let stage = Stage::new();
    let request = ready("POST /v1/registrations", &stage).await;
    send(&stage, &request).await.expect(202);
    let events = published(&stage).await;

    stage.pass(Duration::from_hours(24));
    send(&stage, &request).await.expect(202);

    assert_eq!(published(&stage).await, events + 1);
}

#[tokio::test]
async fn of_two_callers_under_one_key_each_gets_their_own() {
    let stage = Stage::new();
    let (ada, bob) = (stage.signed_in(EMAIL).await, stage.signed_in("bob@example.com").await);
    let renaming = |tokens: &Tokens| {
        let request = Request::new("PATCH", "/v1/me").json(&json!({"last_name": "Lovelace"}));
        request.bearer(&tokens.access)
    };

    let first = send(&stage, &renaming(&ada)).await.expect(200).body;
    let second = send(&stage, &renaming(&bob)).await.expect(200).body;

    assert_eq!((&first["email"], &second["email"]), (&json!(EMAIL), &json!("bob@example.com")));
    assert_eq!(stage.get("/v1/me", &bob.access).await.body["last_name"], "Lovelace");
}
