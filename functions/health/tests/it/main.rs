//! The health check, tested through the API.

use local::Request;
use serde_json::json;
use stage::Stage;

#[tokio::test]
async fn it_responds_without_any_call() {
    let stage = Stage::with(local::Setup::recording);

    let health = stage.send(Request::get("/v1/health")).await.expect(200);

    assert_eq!(health.body, json!({"status": "ok"}));
    assert!(stage.stack.calls().is_empty());
}

#[tokio::test]
async fn a_harmless_correlation_id_is_returned_and_any_other_is_replaced() {
    let stage = Stage::new();

    let kept = stage.send(Request::get("/v1/health").header("x-correlation-id", "order-4711.a")).await;
    assert_eq!(kept.header("x-correlation-id"), "order-4711.a");

    for harmful in ["short", "a b c d e f g h", "<script>alert(1)</script>"] {
        let made = stage.send(Request::get("/v1/health").header("x-correlation-id", harmful)).await;
        assert_ne!(made.header("x-correlation-id"), harmful);
        assert!(made.header("x-correlation-id").len() >= 8);
    }
}
