//! Project Wycheproof's vectors for JWS and JWK, applied to the code that verifies access tokens. The vectors
//! have neither claims nor a `typ`, so those checks are skipped.

use std::collections::BTreeSet;

use domain::{PublicKey, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;

use crate::{Verifier, jwt::UnverifiedToken};

/// Vectors that are valid for Wycheproof and invalid for Gatepost, with the reason.
const STRICTER_THAN_WYCHEPROOF: [(u32, &str); 9] = [
    (259, "an empty payload is not a claims set"),
    (264, "an empty payload is not a claims set"),
    (268, "an empty payload is not a claims set"),
    (346, "PS384 is not among the algorithms"),
    (347, "ES512 is not among the algorithms"),
    (350, "PS384 is not among the algorithms"),
    (351, "ES512 is not among the algorithms"),
    (372, "a `?` at the end of the header is not base64url"),
    (373, "a `?` at the end of the payload is not base64url"),
];

/// Vectors that are labelled invalid, but are valid.
const MISLABELLED: [(u32, &str); 2] = [
    (367, "has lost its padding, so it equals the valid vector 357"),
    (370, "has lost its padding, so it equals the valid vector 357"),
];

/// Keys that Wycheproof refuses and Gatepost accepts, with the reason.
const TRUSTED_KEYS: [(u32, &str); 1] =
    [(7, "ROCA is a flaw of one vendor's RSA key generator; the key set has our own keys only")];

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

/// Returns whether the key in the header signed the payload.
///
/// The payloads are not JSON. The library reports that only after it has verified the signature, so the error
/// proves a valid signature.
fn accepts(keys: &[PublicKey], vector: &Vector) -> bool {
    let verifier = Verifier::new(String::new(), String::new(), keys);
    // A vector that is not a string is the JSON serialization, which cannot be in a header.
    let Some(text) = vector.jws.as_str() else { return false };
    let Some(token) = UnverifiedToken::parse(text) else { return false };
    let Ok(key) = verifier.key_of(&token, Timestamp::from_millis(0)) else { return false };
    // The library parses the header too. If it can, the syntax error below comes from the payload.
    let reads_header = jsonwebtoken::decode_header(text).is_ok();
    reads_header && key.decode::<IgnoredAny>(&token).is_err_and(|error| is_of_syntax(error.kind()))
}

fn is_of_syntax(error: &ErrorKind) -> bool {
    matches!(error, ErrorKind::Json(error) if error.is_syntax())
}

/// Returns the vectors whose outcome differs from Wycheproof's: those refused too strictly, and those
/// accepted too laxly.
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
