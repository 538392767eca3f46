//! Changing the algorithm, which takes effect like a rotation.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::SigningAlgorithm;
use jsonwebtoken::{DecodingKey, crypto::aws_lc::DEFAULT_PROVIDER, jwk::JwkSet};
use keys::Keyring;
use local::Request;
use serde_json::{Value, json};
use stage::{Stage, Tokens};

use crate::{EMAIL, HOUR, header_of, keyring, kid_of, published, refresh, run};

fn stage_of(algorithm: SigningAlgorithm) -> Stage {
    Stage::with(|setup| setup.with_parameter("TokenAlgorithm", algorithm.name()))
}

fn algorithm_of(access_token: &str) -> String {
    header_of(access_token)["alg"].as_str().expect("an algorithm").to_owned()
}

/// Returns the claims of a token that another implementation verifies with the published keys.
///
/// The library's free functions would use the crypto provider of the process, which is that of `tokens`. This
/// uses the library's own provider.
async fn verified_elsewhere(stage: &Stage, token: &str) -> Value {
    let jwks = stage.send(Request::get("/.well-known/jwks.json")).await.expect(200).body;
    let jwks: JwkSet = serde_json::from_value(jwks).expect("a key set");
    let key = jwks.find(&kid_of(token)).expect("a published key");
    let algorithm = algorithm_of(token).parse().expect("an algorithm");
    let key = DecodingKey::from_jwk(key).expect("a key");
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key).expect("a key for the algorithm");
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    verifier.verify(message.as_bytes(), &signature).expect("a genuine token");
    let (_, payload) = message.split_once('.').expect("a token");
    let claims: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON");
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!("http://127.0.0.1:9000"), &json!("gatepost")));
    claims
}

#[tokio::test]
async fn users_log_in_read_and_refresh_with_tokens_of_each_algorithm() {
    for algorithm in SigningAlgorithm::ALL {
        let stage = stage_of(algorithm);
        stage.registered(EMAIL).await;
        run(&stage).await;
        stage.pass(if algorithm.is_rsa() { 3 * HOUR } else { HOUR });

        let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
        assert_eq!(algorithm_of(&tokens.access), algorithm.name());
        stage.get("/v1/me", &tokens.access).await.expect(200);
        let refreshed = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
        assert_eq!(algorithm_of(&refreshed.access), algorithm.name());
        for token in [&tokens.access, &refreshed.access] {
            assert_eq!(verified_elsewhere(&stage, token).await["sid"], tokens.session_id.as_str());
        }
        stage.log_out(&refreshed.access).await.expect(204);
    }
}

#[tokio::test]
async fn another_algorithm_applies_to_the_next_key_even_without_scheduled_rotation() {
    let stage = Stage::with(|setup| {
        setup.with_parameter("KeyRotationDays", "0").with_parameter("TokenAlgorithm", "EdDSA")
    });
    let before = stage.signed_in(EMAIL).await;
    assert_eq!(algorithm_of(&before.access), "ES256", "as the secret was generated");

    run(&stage).await;
    assert_eq!(published(&stage).await.len(), 2, "published before it signs");
    stage.pass(Duration::from_secs(3599));
    assert_eq!(algorithm_of(&Tokens::of(&stage.log_in(EMAIL).await.body).access), "ES256");
    let last = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    stage.pass(Duration::from_secs(1));
    let next = Tokens::of(&refresh(&stage, &before).await.expect(200).body);
    assert_eq!(algorithm_of(&next.access), "EdDSA");
    stage.get("/v1/me", &last.access).await.expect(200);
    stage.get("/v1/me", &next.access).await.expect(200);

    for _hour in 0..3 {
        run(&stage).await;
        stage.pass(HOUR);
    }
    assert_eq!(published(&stage).await.len(), 2, "no further rotation is due");
}

#[test]
fn no_algorithm_lets_verifiers_sign() {
    for name in ["HS256", "HS384", "HS512", "none", "es256", "PS256", "RS256 "] {
        let stage = Stage::with(|setup| setup.with_parameter("TokenAlgorithm", name));
        let refused = Keyring::new(&stage.stack.cloud("rotate-keys").expect("a cloud")).err();
        let said = refused.expect("refused").to_string();
        assert!(said.contains("TOKEN_ALGORITHM must be ES256"), "{name}: {said}");
        let page = said.split("said in ").nth(1).expect("a page");
        assert!(std::fs::exists(format!("{}/../../{page}", env!("CARGO_MANIFEST_DIR"))).expect("a folder"));
    }
}

#[tokio::test]
async fn an_rsa_key_is_published_for_longer_than_api_gateway_caches_keys() {
    let stage = stage_of(SigningAlgorithm::Rs256);
    stage.registered(EMAIL).await;
    run(&stage).await;

    stage.pass(Duration::from_secs(3 * 3600 - 1));
    let before = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    stage.pass(Duration::from_secs(1));
    let after = Tokens::of(&refresh(&stage, &before).await.expect(200).body);

    let names = [before, after].map(|tokens| algorithm_of(&tokens.access));
    assert_eq!(names, ["ES256", "RS256"]);
}

#[tokio::test]
async fn a_running_rotation_keeps_its_algorithm() {
    let stage = stage_of(SigningAlgorithm::EdDsa);
    stage.registered(EMAIL).await;
    let ring = || async { keyring(&stage).read().await.expect("a ring") };
    keyring(&stage).signing_by(SigningAlgorithm::Es384).rotate().await.expect("a rotation");

    run(&stage).await;
    let now = stage.stack.clock().now();
    let first = ring().await.keys_at(now).next().map(|(key, _)| key.material().algorithm());
    assert_eq!(first, Some(SigningAlgorithm::Es384));
    stage.pass(HOUR);
    let tokens = Tokens::of(&stage.log_in(EMAIL).await.expect(201).body);
    assert_eq!(algorithm_of(&tokens.access), "ES384");
    run(&stage).await;
    stage.pass(HOUR);
    let tokens = Tokens::of(&refresh(&stage, &tokens).await.expect(200).body);
    assert_eq!(algorithm_of(&tokens.access), "EdDSA", "then the new one applies");
}
