//! Reading the profile, tested through the API.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use local::{
    Request,
    calls::{Call, Fate, round_trips},
};
use serde_json::json;
use stage::Stage;

const EMAIL: &str = "ada@example.com";

#[tokio::test]
async fn a_user_sees_their_profile() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let me = stage.get("/v1/me", &tokens.access).await.expect(200);

    assert_eq!((me.header("cache-control"), me.header("etag")), ("no-store", "\"2\""));
    let id = me.body["id"].clone();
    let expected = json!({
        "id": id, "email": EMAIL, "first_name": null, "last_name": null, "locale": null,
        "attributes": {}, "picture": null, "status": "active", "roles": [], "created_at": "2026-11-21T03:00:00Z", "updated_at": "2026-11-21T03:00:00Z",
    });
    assert_eq!(me.body, expected);
}

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    stage.get("/v1/me", &tokens.access).await.expect(200);
    stage.settle().await;
    stage.forget_calls();

    stage.get("/v1/me", &tokens.access).await.expect(200);

    let calls = stage.stack.calls();
    assert_eq!((round_trips(&calls), calls[0].call.operation.as_str()), (1, "GetItem"));
}

#[tokio::test]
async fn only_a_valid_access_token_opens_it() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    for header in
        ["", "Bearer", "Bearer ", "Basic YTpi", &format!("Bearer {}x", tokens.access), &tokens.access]
    {
        let request = Request::get("/v1/me").header("authorization", header);
        assert_eq!(stage.send(request).await.expect(401).problem(), "invalid-token", "{header}");
    }
    stage.pass(Duration::from_mins(11));
    assert_eq!(stage.get("/v1/me", &tokens.access).await.expect(401).problem(), "token-expired");
}

#[tokio::test]
async fn forged_tokens_cause_no_reads() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    let (_, rest) = tokens.access.split_once('.').expect("a token");
    // The header `{"alg":"ES256","typ":"at+jwt","kid":"nobody"}`.
    let forged = format!("eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6Im5vYm9keSJ9.{rest}");
    stage.forget_calls();

    for _ in 0..5 {
        stage.get("/v1/me", &forged).await.expect(401);
    }

    assert!(stage.stack.calls().len() <= 2, "the keys are not read again for each");
}

#[tokio::test]
async fn without_the_public_keys_tokens_are_neither_accepted_nor_refused() {
    let down = Arc::new(AtomicBool::new(false));
    let outage = Arc::clone(&down);
    let watcher = move |call: &Call| match call.operation.as_str() {
        "Query" if outage.load(SeqCst) => Fate::RequestLost,
        _ => Fate::Proceed,
    };
    let stage = Stage::with(|setup| setup.watched_by(watcher));
    let tokens = stage.signed_in(EMAIL).await;
    down.store(true, SeqCst);

    assert_eq!(stage.get("/v1/me", &tokens.access).await.expect(503).problem(), "temporarily-unavailable");

    down.store(false, SeqCst);
    stage.get("/v1/me", &tokens.access).await.expect(200);
}
