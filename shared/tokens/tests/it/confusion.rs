//! RFC 8725, section 2.1: a token with another algorithm than that of its key is refused, for all
//! combinations.

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RsaKeyPair, RsaSignatureEncoding},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{PublicKey, SigningAlgorithm};
use serde_json::{Value, json};
use tokens::{Rejected, Verifier};

use crate::{AUDIENCE, ISSUER, NOW, claims, issuer_of, rsa_key};

fn verifier(keys: &[PublicKey]) -> Verifier {
    Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), keys)
}

fn token_of(algorithm: SigningAlgorithm) -> String {
    issuer_of(algorithm).access_token(&claims(), NOW).expect("a token").expose().to_owned()
}

/// Returns the token with another member in its header and the old signature.
fn with_header(token: &str, name: &str, value: &str) -> String {
    let (header, rest) = token.split_once('.').expect("a token");
    let header = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    let mut header: Value = serde_json::from_slice(&header).expect("JSON");
    header[name] = json!(value);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[test]
fn a_token_of_each_algorithm_is_verified_among_keys_of_all() {
    let keys = SigningAlgorithm::ALL.map(|algorithm| issuer_of(algorithm).public_key(NOW));
    for algorithm in SigningAlgorithm::ALL {
        assert_eq!(verifier(&keys).verify(&token_of(algorithm), NOW), Ok(claims()), "{}", algorithm.name());
    }
}

/// Returns the token signed again by the RSA key with its own hash. Only the header is wrong.
fn signed_again(token: &str, algorithm: SigningAlgorithm, encoding: &'static RsaSignatureEncoding) -> String {
    let key = URL_SAFE_NO_PAD.decode(rsa_key(algorithm).expect("a key")).expect("base64url");
    let pair = RsaKeyPair::from_pkcs8(&key).expect("a key");
    let (message, _) = token.rsplit_once('.').expect("a token");
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), message.as_bytes(), &mut signature).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `access` has the same test for ES256.
#[test]
fn another_algorithm_in_the_header_is_refused() {
    let names = ["none", "", "HS256", "HS384", "HS512", "PS256", "Ed25519", "ES512", "rs256"];
    for (algorithm, encoding) in [
        (SigningAlgorithm::Rs256, &RSA_PKCS1_SHA256),
        (SigningAlgorithm::Rs384, &RSA_PKCS1_SHA384),
        (SigningAlgorithm::Rs512, &RSA_PKCS1_SHA512),
    ] {
        let verifier = verifier(&[issuer_of(algorithm).public_key(NOW)]);
        for name in names.into_iter().chain(SigningAlgorithm::ALL.map(SigningAlgorithm::name)) {
            let renamed = with_header(&token_of(algorithm), "alg", name);
            let said = verifier.verify(&signed_again(&renamed, algorithm, encoding), NOW);
            let expected = if name == algorithm.name() { Ok(claims()) } else { Err(Rejected::Invalid) };
            assert_eq!(said, expected, "{} as {name}", algorithm.name());
        }
    }
}

#[test]
fn a_key_works_with_its_own_algorithm_only() {
    for (algorithm, other) in pairs() {
        let key = issuer_of(algorithm).public_key(NOW);
        let renamed = PublicKey { algorithm: other.name().to_owned(), ..key.clone() };
        let forged = PublicKey { jwk: key.jwk.replace(algorithm.name(), other.name()), ..renamed.clone() };

        let said_so = with_header(&token_of(algorithm), "alg", other.name());
        for keys in [[renamed], [forged]] {
            let said = verifier(&keys).verify(&token_of(algorithm), NOW);
            assert!(said.is_err(), "a key of {} for {}", algorithm.name(), other.name());
            assert!(verifier(&keys).verify(&said_so, NOW).is_err());
        }
    }
}

#[test]
fn a_signature_does_not_verify_with_the_key_of_another_algorithm() {
    for (algorithm, other) in pairs() {
        let key = issuer_of(other).public_key(NOW);
        let token = with_header(&token_of(algorithm), "kid", &key.kid);
        let renamed = with_header(&token, "alg", other.name());
        for token in [token, renamed] {
            assert_eq!(verifier(std::slice::from_ref(&key)).verify(&token, NOW), Err(Rejected::Invalid));
        }
    }
}

#[test]
fn no_public_key_is_used_as_a_shared_secret() {
    for algorithm in SigningAlgorithm::ALL {
        let key = issuer_of(algorithm).public_key(NOW);
        let token = with_header(&token_of(algorithm), "alg", "HS256");
        let (message, _) = token.rsplit_once('.').expect("a token");
        let mac = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.jwk.as_bytes());
        let mac = URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&mac, message.as_bytes()));

        assert_eq!(verifier(&[key]).verify(&format!("{message}.{mac}"), NOW), Err(Rejected::Invalid));
    }
}

fn pairs() -> impl Iterator<Item = (SigningAlgorithm, SigningAlgorithm)> {
    let all = SigningAlgorithm::ALL;
    all.into_iter().flat_map(move |one| all.map(|other| (one, other))).filter(|(one, other)| one != other)
}
