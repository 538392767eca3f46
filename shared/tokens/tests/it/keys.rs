//! The keys that a verifier accepts, for every algorithm.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::PublicKey;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};
use tokens::{Rejected, Verifier};

use crate::{AUDIENCE, ISSUER, NOW, another_library, claims, issuer};

fn public_key(kid: &str, algorithm: &str, jwk: &Value) -> PublicKey {
    PublicKey {
        kid: kid.to_owned(),
        jwk: jwk.to_string(),
        algorithm: algorithm.to_owned(),
        not_before: NOW,
        retire_at: None,
    }
}

/// Returns whether a verifier with `keys` accepts the token that another library signs with `key`.
fn verify(keys: &[PublicKey], key: &EncodingKey, algorithm: Algorithm) -> Result<(), Rejected> {
    let header = json!({ "typ": "at+jwt", "kid": "known", "alg": algorithm });
    let payload = json!({
        "iss": ISSUER,
        "sub": claims().user_id,
        "aud": AUDIENCE,
        "client_id": AUDIENCE,
        "exp": NOW.seconds() + 600,
        "iat": NOW.seconds(),
        "jti": claims().token_id.to_string(),
        "sid": claims().session_id,
        "auth_time": 1_763_690_000,
        "roles": claims().roles,
        "scope": claims().scope,
    });
    let token = another_library::token(&header, &payload, key, algorithm);
    let verifier = Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), keys);
    verifier.verify(&token, NOW).map(|read| assert_eq!(read, claims()))
}

/// Returns the private key in another library's type, and its JWK.
fn pair(algorithm: Algorithm) -> (EncodingKey, Value) {
    use aws_lc_rs::{
        rand::SystemRandom,
        rsa::{KeyPair, KeySize},
        signature::{
            ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
        },
    };
    let random = SystemRandom::new();
    let ecdsa = |curve| {
        let document = EcdsaKeyPair::generate_pkcs8(curve, &random).expect("a key");
        EncodingKey::from_ec_der(document.as_ref())
    };
    let key = match algorithm {
        Algorithm::ES256 => ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::EdDSA => {
            let document = Ed25519KeyPair::generate_pkcs8v1(&random).expect("a key");
            EncodingKey::from_ed_der(document.as_ref())
        }
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => EncodingKey::from_secret(&[7; 64]),
        _ => {
            use aws_lc_rs::encoding::AsDer;
            let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key");
            let document: aws_lc_rs::encoding::Pkcs8V1Der = pair.as_der().expect("a document");
            // PKCS #8 wraps PKCS #1, after 26 bytes for this size.
            EncodingKey::from_rsa_der(&document.as_ref()[26..])
        }
    };
    let jwk = another_library::jwk(&key, algorithm);
    (key, jwk)
}

#[test]
fn every_algorithm_that_can_be_configured_is_verified() {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, RS256, RS384, RS512};
    for algorithm in [HS256, HS384, HS512, RS256, RS384, RS512, ES256, ES384, EdDSA] {
        let (key, jwk) = pair(algorithm);
        let name = format!("{algorithm:?}");

        let outcome = verify(&[public_key("known", &name, &jwk)], &key, algorithm);

        assert_eq!(outcome, Ok(()), "{name}");
    }
}

#[test]
fn a_key_for_another_use_or_algorithm_is_left_out() {
    let (key, jwk) = pair(Algorithm::ES256);
    let altered = |name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        verify(&[public_key("known", "ES256", &jwk)], &key, Algorithm::ES256)
    };
    assert_eq!(altered("key_ops", json!(["verify"])), Ok(()));
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("alg", json!("ES384")),
        ("crv", json!("P-384")),
        ("kty", json!("RSA")),
        ("x", json!(URL_SAFE_NO_PAD.encode([1; 32]))),
        ("x", json!(URL_SAFE_NO_PAD.encode([1; 31]))),
        ("y", Value::Null),
    ] {
        assert_eq!(altered(name, value), Err(Rejected::UnknownKey), "{name}");
    }
    for algorithm in ["", "none", "PS256", "ES512", "es256"] {
        let outcome = verify(&[public_key("known", algorithm, &jwk)], &key, Algorithm::ES256);
        assert_eq!(outcome, Err(Rejected::UnknownKey), "{algorithm}");
    }
    let broken = PublicKey { jwk: "{".to_owned(), ..public_key("known", "ES256", &jwk) };
    assert_eq!(verify(&[broken], &key, Algorithm::ES256), Err(Rejected::UnknownKey));
}

#[test]
fn coordinates_of_another_length_are_refused() {
    let (key, mut jwk) = pair(Algorithm::ES256);
    let octets = |member: &Value| URL_SAFE_NO_PAD.decode(member.as_str().expect("text")).expect("base64url");
    let (mut x, y) = (octets(&jwk["x"]), octets(&jwk["y"]));

    x.push(y[0]);
    jwk["x"] = json!(URL_SAFE_NO_PAD.encode(x));
    jwk["y"] = json!(URL_SAFE_NO_PAD.encode(&y[1..]));

    let outcome = verify(&[public_key("known", "ES256", &jwk)], &key, Algorithm::ES256);
    assert_eq!(outcome, Err(Rejected::UnknownKey));
}

#[test]
fn a_short_or_odd_rsa_key_is_left_out() {
    let (key, jwk) = pair(Algorithm::RS256);
    let altered = |n: &[u8], e: &[u8]| {
        let mut jwk = jwk.clone();
        jwk["n"] = json!(URL_SAFE_NO_PAD.encode(n));
        jwk["e"] = json!(URL_SAFE_NO_PAD.encode(e));
        verify(&[public_key("known", "RS256", &jwk)], &key, Algorithm::RS256)
    };
    let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().expect("text")).expect("base64url");

    assert_eq!(altered(&n, &[1, 0, 1]), Ok(()));
    assert_eq!(altered(&n[..255], &[1, 0, 1]), Err(Rejected::UnknownKey));
    assert_eq!(altered(&[&[0], n.as_slice()].concat(), &[1, 0, 1]), Err(Rejected::UnknownKey));
    for exponent in [&[][..], &[0], &[1], &[3], &[0, 1, 0, 1], &[1, 0, 0]] {
        assert_eq!(altered(&n, exponent), Err(Rejected::UnknownKey), "{exponent:?}");
    }
}

#[test]
fn keys_that_share_a_kid_are_left_out() {
    let (key, jwk) = pair(Algorithm::ES256);
    let (_, other) = pair(Algorithm::ES256);
    let keys = [public_key("known", "ES256", &jwk), public_key("known", "ES256", &other)];

    assert_eq!(verify(&keys, &key, Algorithm::ES256), Err(Rejected::UnknownKey));
}

#[test]
fn a_shared_secret_among_public_keys_is_left_out() {
    let (key, jwk) = pair(Algorithm::HS256);
    let keys = [public_key("known", "HS256", &jwk), issuer().public_key(NOW)];

    assert_eq!(verify(&keys[..1], &key, Algorithm::HS256), Ok(()));
    assert_eq!(verify(&keys, &key, Algorithm::HS256), Err(Rejected::UnknownKey));
}
