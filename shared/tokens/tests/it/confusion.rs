//! RFC 8725, section 2.1: a token that says another algorithm than its key's is refused, whatever the two are.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{PublicKey, SigningAlgorithm};
use serde_json::{Value, json};
use tokens::{Rejected, Verifier};

use crate::{AUDIENCE, ISSUER, NOW, claims, issuer_of};

fn verifier(keys: &[PublicKey]) -> Verifier {
    Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), keys)
}

fn token_of(algorithm: SigningAlgorithm) -> String {
    issuer_of(algorithm).access_token(&claims(), NOW).expect("a token").expose().to_owned()
}

/// The token with another member in its header, and the signature that it had.
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

#[test]
fn no_other_name_of_an_algorithm_is_taken_for_the_keys_own() {
    let names = ["none", "", "HS256", "HS384", "HS512", "RS256", "PS256", "Ed25519", "ES512"];
    for algorithm in SigningAlgorithm::ALL {
        let verifier = verifier(&[issuer_of(algorithm).public_key(NOW)]);
        let others = names.into_iter().chain(SigningAlgorithm::ALL.map(SigningAlgorithm::name));
        for other in others.filter(|other| *other != algorithm.name()) {
            let renamed = with_header(&token_of(algorithm), "alg", other);
            assert_eq!(
                verifier.verify(&renamed, NOW),
                Err(Rejected::Invalid),
                "{} as {other}",
                algorithm.name()
            );
        }
    }
}

#[test]
fn a_key_is_good_for_no_other_algorithm_than_its_own() {
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
fn a_signature_of_one_algorithm_is_none_of_anothers_key() {
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
fn no_public_key_is_taken_for_a_shared_secret() {
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
