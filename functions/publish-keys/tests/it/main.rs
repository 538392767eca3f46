//! The published keys, tested through the API.

use domain::SigningAlgorithm;
use local::{Request, calls::round_trips};
use serde_json::json;
use stage::Stage;

#[tokio::test]
async fn the_key_is_published_from_the_first_log_in() {
    let stage = Stage::new();
    let keys = || stage.send(Request::get("/.well-known/jwks.json"));

    let before = keys().await.expect(200);
    assert_eq!(
        (before.body.to_string().as_str(), before.header("cache-control")),
        (r#"{"keys":[]}"#, "public, max-age=0")
    );
    stage.signed_in("ada@example.com").await;

    let after = keys().await.expect(200);
    assert_eq!(after.header("cache-control"), "public, max-age=300");
    let key = &after.body["keys"][0];
    for (name, value) in [("kty", "EC"), ("crv", "P-256"), ("alg", "ES256"), ("use", "sig")] {
        assert_eq!(key[name], value);
    }
    assert!(key["d"].is_null(), "the public half only");
}

#[tokio::test]
async fn discovery_names_the_url_of_the_keys() {
    let stage = Stage::with(|setup| setup.at("https://id.example.com"));

    let discovery = stage.send(Request::get("/.well-known/openid-configuration")).await.expect(200);

    assert_eq!(discovery.body["issuer"], "https://id.example.com");
    assert_eq!(discovery.body["jwks_uri"], "https://id.example.com/.well-known/jwks.json");
    let algorithms = SigningAlgorithm::ALL.map(SigningAlgorithm::name);
    assert_eq!(discovery.body["id_token_signing_alg_values_supported"], json!(algorithms));
}

#[tokio::test]
async fn it_takes_at_most_one_round_trip() {
    let stage = Stage::with(local::Setup::recording);

    stage.send(Request::get("/.well-known/openid-configuration")).await.expect(200);
    assert_eq!(round_trips(&stage.stack.calls()), 0);

    stage.send(Request::get("/.well-known/jwks.json")).await.expect(200);
    assert_eq!(round_trips(&stage.stack.calls()), 1);
}
