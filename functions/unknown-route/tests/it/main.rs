//! Requests without a route, tested through the gateway.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod events;

use local::Request;
use stage::Stage;

#[tokio::test]
async fn an_unknown_path_gets_a_problem() {
    let stage = Stage::new();

    for request in
        [Request::get("/"), Request::get("/v1/users/../../etc/passwd"), Request::delete("/v1/nothing")]
    {
        let refused = stage.send(request).await.expect(404);
        assert_eq!(refused.problem(), "not-found");
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn an_unknown_method_gets_the_list_of_methods() {
    let stage = Stage::new();

    let refused = stage.send(Request::new("PUT", "/v1/me")).await.expect(405);

    let allowed = "GET, HEAD, PATCH, DELETE, OPTIONS";
    assert_eq!((refused.problem(), refused.header("allow")), ("method-not-allowed", allowed));
    let asked = stage.send(Request::new("OPTIONS", "/v1/me")).await.expect(204);
    assert_eq!(asked.header("allow"), allowed);
    stage.send(Request::new("OPTIONS", "/v1/nothing")).await.expect(404);
}
