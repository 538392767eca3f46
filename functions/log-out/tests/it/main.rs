//! Logging out, tested through the API.

use std::time::Duration;

use local::{Request, calls::round_trips};
use stage::Stage;

const EMAIL: &str = "ada@example.com";

#[tokio::test]
async fn the_session_ends_with_one_event() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;
    let me = stage.get("/v1/me", &tokens.access).await.expect(200).body;

    assert_eq!(stage.log_out(&tokens.access).await.expect(204).header("cache-control"), "no-store");
    assert_eq!(stage.log_out(&tokens.access).await.expect(401).problem(), "invalid-token");

    assert_eq!(stage.refresh(&tokens.refresh).await.expect(401).problem(), "invalid-token");
    let subject = format!("user#{}", me["id"].as_str().expect("an id"));
    assert_eq!(stage.events_of(&subject).await, ["user.registered", "session.started", "session.ended"]);
}

#[tokio::test]
async fn it_takes_two_round_trips() {
    let stage = Stage::with(local::Setup::recording);
    let first = stage.signed_in(EMAIL).await;
    stage.log_out(&first.access).await.expect(204);
    let second = stage::Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    stage.settle().await;
    stage.forget_calls();

    stage.log_out(&second.access).await.expect(204);

    assert_eq!(round_trips(&stage.stack.calls()), 2);
}

#[tokio::test]
async fn a_valid_access_token_is_required() {
    let stage = Stage::new();
    let tokens = stage.signed_in(EMAIL).await;

    let refused = stage.send(Request::delete("/v1/sessions/current")).await.expect(401);
    assert_eq!((refused.problem(), refused.header("www-authenticate")), ("invalid-token", "Bearer"));

    stage.pass(Duration::from_mins(11));
    assert_eq!(stage.log_out(&tokens.access).await.expect(401).problem(), "token-expired");
    stage.refresh(&tokens.refresh).await.expect(200);
}
