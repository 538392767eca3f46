//! Project Wycheproof's vectors for JWS and JWK, on the code that verifies access tokens: all of
//! it but the claims and the `typ`, which the vectors have not.

use std::collections::BTreeSet;

use domain::{PublicKey, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::{Rejected, Verifier, jws::Compact};

/// Vectors that hold for Wycheproof and not for Gatepost, with the reason.
const STRICTER_THAN_WYCHEPROOF: [(u32, &str); 9] = [
    (259, "an empty payload is no claims set"),
    (264, "an empty payload is no claims set"),
    (268, "an empty payload is no claims set"),
    (346, "PS384 is not among the algorithms"),
    (347, "ES512 is not among the algorithms"),
    (350, "PS384 is not among the algorithms"),
    (351, "ES512 is not among the algorithms"),
    (372, "a `?` at the end of the header is no base64url"),
    (373, "a `?` at the end of the payload is no base64url"),
];

/// Vectors that are called invalid and are not.
const MISLABELLED: [(u32, &str); 2] = [
    (367, "lost the padding that it is about: letter for letter the valid vector 357"),
    (370, "lost the padding that it is about: letter for letter the valid vector 357"),
];

/// Keys that Wycheproof refuses and Gatepost takes, with the reason.
const TRUSTED_KEYS: [(u32, &str); 1] =
    [(7, "ROCA is a flaw of one maker's RSA key generator; the key set holds our own keys only")];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    test_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    public: Value,
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    tc_id: u32,
    jws: Value,
    result: String,
}

impl Group {
    fn keys(&self) -> Vec<PublicKey> {
        let keys = self.public["keys"].as_array().cloned();
        keys.unwrap_or_else(|| vec![self.public.clone()]).iter().map(public_key).collect()
    }
}

fn public_key(jwk: &Value) -> PublicKey {
    let member = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
    PublicKey {
        kid: member("kid"),
        jwk: jwk.to_string(),
        algorithm: member("alg"),
        not_before: Timestamp::from_millis(0),
        retire_at: None,
    }
}

fn accepts(keys: &[PublicKey], vector: &Vector) -> bool {
    let verifier = Verifier::new(String::new(), String::new(), keys);
    // A vector that is no string is the JSON serialization, which has no place in a header.
    let token = vector.jws.as_str().and_then(Compact::parse);
    token.ok_or(Rejected::Invalid).and_then(|token| verifier.open(&token, Timestamp::from_millis(0))).is_ok()
}

/// The vectors whose outcome is not what Wycheproof expects: too strict, too lax.
fn differences(file: &str) -> (BTreeSet<u32>, BTreeSet<u32>) {
    let file: File = serde_json::from_str(file).expect("a file of vectors");
    let (mut strict, mut lax) = (BTreeSet::new(), BTreeSet::new());
    for group in &file.test_groups {
        for vector in &group.tests {
            match (vector.result.as_str(), accepts(&group.keys(), vector)) {
                ("valid", false) => strict.insert(vector.tc_id),
                ("invalid", true) => lax.insert(vector.tc_id),
                _ => false,
            };
        }
    }
    (strict, lax)
}

#[test]
fn signatures_are_judged_as_wycheproof_judges_them() {
    let (strict, lax) = differences(include_str!("../tests/wycheproof/json_web_signature.json"));
    assert_eq!(lax, MISLABELLED.map(|(id, _)| id).into());
    assert_eq!(strict, STRICTER_THAN_WYCHEPROOF.map(|(id, _)| id).into());
}

#[test]
fn keys_are_judged_as_wycheproof_judges_them() {
    let (strict, lax) = differences(include_str!("../tests/wycheproof/json_web_key.json"));
    assert_eq!(strict, BTreeSet::new());
    assert_eq!(lax, TRUSTED_KEYS.map(|(id, _)| id).into());
}
