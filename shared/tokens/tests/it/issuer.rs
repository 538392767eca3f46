use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::SigningAlgorithm;
use jsonwebtoken::{
    Algorithm, DecodingKey,
    crypto::aws_lc::DEFAULT_PROVIDER,
    jwk::{Jwk, ThumbprintHash},
};
use serde_json::{Value, json};
use tokens::AccessClaims;

use crate::{
    AUDIENCE, CURRENT, ISSUER, LIFETIME, NEXT, NOW, another_library, claims, issuer, issuer_of, issuer_with,
    seeds, verifier,
};

fn segment(token: &str, index: usize) -> Value {
    let segment = token.split('.').nth(index).expect("a segment");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(segment).expect("base64url")).expect("JSON")
}

#[test]
fn an_access_token_has_the_claims_of_rfc_9068() {
    let token = issuer().access_token(&claims(), NOW).expect("a token");

    let kid = issuer().public_key(NOW).kid;
    assert_eq!(segment(token.expose(), 0), json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }));
    assert_eq!(
        segment(token.expose(), 1),
        json!({
            "iss": ISSUER,
            "sub": "11111111-1111-1111-1111-111111111101",
            "aud": AUDIENCE,
            "client_id": AUDIENCE,
            "exp": 1_763_694_600,
            "iat": 1_763_694_000,
            "jti": "11111111-1111-1111-1111-111111111103",
            "sid": "11111111-1111-1111-1111-111111111102",
            "auth_time": 1_763_690_000,
            "roles": ["admin", "späher"],
            "scope": "users:read users:write",
        })
    );
    assert_eq!(NOW.plus(LIFETIME).seconds(), 1_763_694_600);
}

#[test]
fn a_claim_without_a_value_is_left_out() {
    let nothing = AccessClaims { roles: Vec::new(), scope: String::new(), ..claims() };
    let token = issuer().access_token(&nothing, NOW).expect("a token");

    let said = segment(token.expose(), 1);
    assert_eq!((said.get("roles"), said.get("scope")), (None, None));
    assert_eq!(verifier().verify(token.expose(), NOW), Ok(nothing));
}

#[test]
fn another_library_verifies_an_access_token_of_each_algorithm_with_the_published_key() {
    for algorithm in SigningAlgorithm::ALL {
        let issuer = issuer_of(algorithm);
        let token = issuer.access_token(&claims(), NOW).expect("a token");
        let jwk: Jwk = serde_json::from_str(&issuer.public_key(NOW).jwk).expect("a JWK");

        let its_name: Algorithm = algorithm.name().parse().expect("a name that others know");
        let key = DecodingKey::from_jwk(&jwk).expect("a key");

        assert!(another_library::has_signed(&key, its_name, token.expose()), "{}", algorithm.name());
        assert_eq!(segment(token.expose(), 0)["alg"], algorithm.name());
        assert_eq!(segment(token.expose(), 1)["sub"], "11111111-1111-1111-1111-111111111101");
    }
}

/// Computed from the seed by an independent program in another language, without these libraries.
#[test]
fn the_key_of_a_seed_never_changes() {
    let key = issuer().public_key(NOW);

    assert_eq!(key.kid, "YyXdkTGjYXFbJyMY87Pk1M0jg58KpymECqeqkSAnNHM");
    assert_eq!(key.algorithm, "ES256");
    assert_eq!((key.not_before, key.retire_at), (NOW, None));
    assert_eq!(
        serde_json::from_str::<Value>(&key.jwk).expect("JSON"),
        json!({
            "kty": "EC",
            "crv": "P-256",
            "x": "A2Tt3t2cguvUIpJ9IcaaPOlmV3vQg-aOm9gFcIWfYH4",
            "y": "O9W9VucAfgv8hb0idslyaDeDoF--ROhziauXwXEHnLI",
            "alg": "ES256",
            "use": "sig",
            "kid": "YyXdkTGjYXFbJyMY87Pk1M0jg58KpymECqeqkSAnNHM",
        })
    );
}

/// Computed by the same program.
#[test]
fn the_keys_of_other_algorithms_never_change_either() {
    let jwk = |algorithm| {
        let key = issuer_of(algorithm).public_key(NOW);
        assert_eq!(key.algorithm, algorithm.name());
        serde_json::from_str::<Value>(&key.jwk).expect("JSON")
    };
    assert_eq!(
        jwk(SigningAlgorithm::Es384),
        json!({
            "kty": "EC",
            "crv": "P-384",
            "x": "H6pIWdkkUjJF6riXfUou6k2hkLmKBFFQrZ48VV2tbGSkUNAObsDveZUdtZVjj5Ws",
            "y": "5K9QxucyOSSe9vOObwegOgf0MLs-68Rt5mw2NZMp0FekS0CePhsL54CA3meCgbHW",
            "alg": "ES384",
            "use": "sig",
            "kid": "U729No-iYyhddrImCqBlQ-vgdClLr_KA_6xUguqtkls",
        })
    );
    assert_eq!(
        jwk(SigningAlgorithm::EdDsa),
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": "EJRrg3c0F0qB-EOjwNUdrCsJxAcGZQjzwu0532TsNoU",
            "alg": "EdDSA",
            "use": "sig",
            "kid": "lYq6oVz29F7uyycZU9iqd9OJ1v1t6__aJiUFoyojis0",
        })
    );
}

/// RFC 7638, section 3: the digest of the required members in the order of their names, which is the order of
/// a [`Value`].
#[test]
fn the_key_id_is_the_thumbprint_of_the_published_key() {
    for algorithm in SigningAlgorithm::ALL {
        let key = issuer_of(algorithm).public_key(NOW);
        let mut jwk: Value = serde_json::from_str(&key.jwk).expect("a JWK");
        jwk.as_object_mut()
            .expect("an object")
            .retain(|name, _| !["alg", "kid", "use"].contains(&name.as_str()));

        let digest = DEFAULT_PROVIDER.key_utils.compute_digest;
        let thumbprint = digest(jwk.to_string().as_bytes(), ThumbprintHash::SHA256).expect("a digest");

        assert_eq!(key.kid, URL_SAFE_NO_PAD.encode(thumbprint));
    }
}

#[test]
fn another_seed_is_another_key_and_a_previous_seed_does_not_sign() {
    let rotated = issuer_with(&seeds(NEXT, &[CURRENT]));

    assert_ne!(rotated.public_key(NOW).kid, issuer().public_key(NOW).kid);
    assert_eq!(rotated.public_key(NOW).kid, issuer_with(&seeds(NEXT, &[])).public_key(NOW).kid);
}
