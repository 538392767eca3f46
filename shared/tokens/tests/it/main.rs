//! Tokens as other crates issue and open them.
#![allow(clippy::expect_used, clippy::panic, reason = "tests may panic: that is how they fail")]

mod access;
mod another_library;
mod confusion;
mod cursor;
mod device;
mod issuer;
mod keys;
mod link;
mod receipt;
mod refresh;
mod registration;

use std::time::Duration;

use domain::{
    Attributes, KeyMaterial, Ring, Secret, Seed, Seeds, SessionId, SigningAlgorithm, Timestamp, UserId,
};
use tokens::{AccessClaims, Issuer, IssuerSettings, Verifier};
use uuid::Uuid;

const CURRENT: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NEXT: &str = "ZYXWVUTSRQPONMLKJIHGFEDCBAzyxwvutsrqponmlkjihgfedcba9876543210";

/// Keys in PKCS #8 and base64url, created with `openssl genpkey`. Each algorithm has its own, since a key id
/// does not depend on the algorithm.
const RSA_KEYS: &str = include_str!("../rsa.txt");

const ISSUER: &str = "https://id.example.com";
const AUDIENCE: &str = "https://api.example.com";
const LIFETIME: Duration = Duration::from_mins(10);
const NOW: Timestamp = Timestamp::from_millis(1_763_694_000_250);

fn seeds(current: &str, previous: &[&str]) -> Seeds {
    let secret = serde_json::json!({ "seed": current, "previous": previous });
    domain::Ring::parse_keys(&secret.to_string()).expect("a ring").seeds_at(domain::Timestamp::from_millis(0))
}

fn issuer_with(seeds: &Seeds) -> Issuer {
    let settings =
        IssuerSettings { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned(), lifetime: LIFETIME };
    Issuer::new(seeds, settings).expect("an issuer")
}

/// Returns the private key for an RSA algorithm.
fn rsa_key(algorithm: SigningAlgorithm) -> Option<String> {
    let rsa = [SigningAlgorithm::Rs256, SigningAlgorithm::Rs384, SigningAlgorithm::Rs512];
    let mut keys = rsa.iter().zip(RSA_KEYS.split("\n\n"));
    keys.find(|(its, _)| **its == algorithm).map(|(_, key)| key.replace('\n', ""))
}

/// Returns an issuer with `algorithm` and a key of the usual seed.
fn issuer_of(algorithm: SigningAlgorithm) -> Issuer {
    let private_key = rsa_key(algorithm);
    let seed = Seed::parse(CURRENT.to_owned()).expect("a seed");
    let material = KeyMaterial::new(seed, algorithm, private_key.map(Secret::from)).expect("material");
    let ring = Ring::parse_keys(&serde_json::json!({ "seed": NEXT }).to_string()).expect("a ring");
    issuer_with(&ring.revoked(material, NOW).seeds_at(NOW))
}

fn issuer() -> Issuer {
    issuer_with(&seeds(CURRENT, &[]))
}

fn verifier() -> Verifier {
    Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &[issuer().public_key(NOW)])
}

fn uuid(last: u8) -> Uuid {
    let mut bytes = [0x11; 16];
    bytes[15] = last;
    Uuid::from_bytes(bytes)
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::from_uuid(uuid(1)),
        session_id: SessionId::from_uuid(uuid(2)),
        auth_time: Timestamp::from_millis(1_763_690_000_000),
        roles: vec!["admin".to_owned(), "späher".to_owned()],
        scope: "users:read users:write".to_owned(),
        token_id: uuid(3),
        attributes: Attributes::default(),
    }
}

/// Returns the time `seconds` from now.
fn after(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + seconds * 1000)
}
