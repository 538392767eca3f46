//! Single refreshes.

use std::time::Duration;

use local::calls::round_trips;
use stage::{Stage, Tokens};

const EMAIL: &str = "ada@example.com";
const IDLE: Duration = Duration::from_hours(7 * 24);

#[tokio::test]
async fn it_takes_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    let tokens = Tokens::of(&stage.refresh(&tokens.refresh).await.expect(200).body);
    stage.settle().await;
    stage.forget_calls();

    stage.refresh(&tokens.refresh).await.expect(200);

    let calls = stage.stack.calls();
    assert_eq!((round_trips(&calls), calls.len()), (1, 2));
}

#[tokio::test]
async fn a_forged_token_is_refused_before_any_call() {
    let stage = Stage::with(local::Setup::recording);
    let tokens = stage.signed_in(EMAIL).await;
    let tokens = Tokens::of(&stage.refresh(&tokens.refresh).await.expect(200).body);
    stage.settle().await;
    stage.forget_calls();

    let forged = tokens.refresh.replace("gpr_", "gpr_A");
    assert_eq!(stage.refresh(&forged).await.expect(401).problem(), "invalid-token");

    assert!(stage.stack.calls().is_empty());
}

#[tokio::test]
async fn an_idle_session_expires_and_a_used_one_does_not() {
    let stage = Stage::new();
    let mut used = stage.signed_in(EMAIL).await;
    let idle = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);

    stage.pass(IDLE.saturating_sub(Duration::from_secs(1)));
    used = Tokens::of(&stage.refresh(&used.refresh).await.expect(200).body);
    stage.pass(Duration::from_secs(1));

    assert_eq!(stage.refresh(&idle.refresh).await.expect(401).problem(), "token-expired");
    stage.refresh(&used.refresh).await.expect(200);
}

#[tokio::test]
async fn no_session_lasts_longer_than_thirty_days() {
    let stage = Stage::new();
    let mut tokens = stage.signed_in(EMAIL).await;
    for _ in 0..29 {
        stage.pass(Duration::from_hours(24));
        tokens = Tokens::of(&stage.refresh(&tokens.refresh).await.expect(200).body);
    }
    let granted = stage.refresh(&tokens.refresh).await.expect(200);
    assert_eq!(granted.body["refresh_expires_in"], 24 * 60 * 60, "never extended");

    stage.pass(Duration::from_hours(24));

    let tokens = Tokens::of(&granted.body);
    assert_eq!(stage.refresh(&tokens.refresh).await.expect(401).problem(), "token-expired");
}

#[tokio::test]
async fn a_retry_gets_the_same_successor_for_ten_seconds() {
    let stage = Stage::new();
    let first = stage.signed_in(EMAIL).await;
    let second = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);

    stage.pass(Duration::from_secs(10));
    let again = Tokens::of(&stage.refresh(&first.refresh).await.expect(200).body);
    assert_eq!(again.refresh, second.refresh);

    stage.pass(Duration::from_millis(1));
    assert_eq!(stage.refresh(&first.refresh).await.expect(401).problem(), "token-reused");
    assert_eq!(stage.refresh(&second.refresh).await.expect(401).problem(), "invalid-token");
}

#[tokio::test]
async fn without_a_retry_window_every_reuse_counts_as_theft() {
    let stage = Stage::with(|setup| setup.with_parameter("RefreshRetrySeconds", "0"));
    let first = stage.signed_in(EMAIL).await;
    stage.refresh(&first.refresh).await.expect(200);

    assert_eq!(stage.refresh(&first.refresh).await.expect(401).problem(), "token-reused");
}
