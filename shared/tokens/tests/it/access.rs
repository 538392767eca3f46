//! Access tokens that must be refused, one test each. Each token has a single defect and the right signature.

use std::time::Duration;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::{PublicKey, SigningAlgorithm, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tokens::{AccessClaims, Rejected, Verifier};

use crate::{
    AUDIENCE, CURRENT, ISSUER, NEXT, NOW, after, claims, issuer, issuer_of, issuer_with, seeds, verifier,
};

/// Signs any token with a key that the verifier trusts.
struct Signer {
    pair: EcdsaKeyPair,
}

impl Signer {
    fn new() -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key") }
    }

    fn public_key(&self) -> PublicKey {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        PublicKey {
            kid: "known".to_owned(),
            jwk: json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) }).to_string(),
            algorithm: "ES256".to_owned(),
            not_before: NOW,
            retire_at: None,
        }
    }

    fn token(&self, header: &str, payload: &str) -> String {
        self.seal(&format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload)))
    }

    fn seal(&self, message: &str) -> String {
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn verify(&self, token: &str) -> Result<AccessClaims, Rejected> {
        Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &[self.public_key()]).verify(token, NOW)
    }
}

fn header() -> Map<String, Value> {
    object(json!({ "alg": "ES256", "typ": "at+jwt", "kid": "known" }))
}

fn payload() -> Map<String, Value> {
    object(json!({
        "iss": ISSUER,
        "sub": "11111111-1111-1111-1111-111111111101",
        "aud": AUDIENCE,
        "client_id": AUDIENCE,
        "exp": NOW.seconds() + 600,
        "iat": NOW.seconds(),
        "jti": "11111111-1111-1111-1111-111111111103",
        "sid": "11111111-1111-1111-1111-111111111102",
        "auth_time": 1_763_690_000,
        "roles": ["admin", "späher"],
        "scope": "users:read users:write",
    }))
}

fn object(json: Value) -> Map<String, Value> {
    let Value::Object(object) = json else { panic!("an object") };
    object
}

fn json_text(members: Map<String, Value>) -> String {
    Value::Object(members).to_string()
}

fn verify(header: Map<String, Value>, payload: Map<String, Value>) -> Result<AccessClaims, Rejected> {
    let signer = Signer::new();
    signer.verify(&signer.token(&json_text(header), &json_text(payload)))
}

fn with_header(name: &str, value: Value) -> Result<AccessClaims, Rejected> {
    let mut header = header();
    header.insert(name.to_owned(), value);
    verify(header, payload())
}

fn with_claim(name: &str, value: Value) -> Result<AccessClaims, Rejected> {
    let mut payload = payload();
    payload.insert(name.to_owned(), value);
    verify(header(), payload)
}

#[test]
fn a_token_is_parsed_as_it_was_written() {
    let token = issuer().access_token(&claims(), NOW).expect("a token");

    assert_eq!(verifier().verify(token.expose(), NOW), Ok(claims()));
    assert_eq!(verify(header(), payload()), Ok(claims()), "the basis of the other tests");
}

/// Signed by a program in another language, with the header's members in the order of earlier versions.
#[test]
fn a_token_of_an_earlier_version_is_verified() {
    let token = include_str!("../eddsa-token.txt").trim();
    let keys = [issuer_of(SigningAlgorithm::EdDsa).public_key(NOW)];

    assert_eq!(Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &keys).verify(token, NOW), Ok(claims()));
}

#[test]
fn lists_that_name_the_issuer_or_audience_among_others_are_refused() {
    for name in ["iss", "aud"] {
        let values = if name == "iss" { json!([ISSUER, "other"]) } else { json!([AUDIENCE, "other"]) };
        assert_eq!(with_claim(name, values), Err(Rejected::Invalid), "{name}");
    }
}

/// The first key of a process installs the provider, on any thread.
#[test]
fn keys_created_by_concurrent_threads_sign_and_verify() {
    std::thread::scope(|scope| {
        for algorithm in SigningAlgorithm::ALL.into_iter().cycle().take(24) {
            scope.spawn(move || {
                let issuer = issuer_of(algorithm);
                let token = issuer.access_token(&claims(), NOW).expect("a token");
                let keys = [issuer.public_key(NOW)];
                let verifier = Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &keys);
                assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));
            });
        }
    });
}

#[test]
fn a_key_signs_after_its_other_holders_are_gone() {
    let issuer = issuer();
    drop(issuer.clone());
    drop(issuer_with(&seeds(CURRENT, &[])));

    let token = issuer.access_token(&claims(), NOW).expect("a token");

    assert_eq!(verifier().verify(token.expose(), NOW), Ok(claims()));
}

#[test]
fn any_other_typ_is_refused() {
    for typ in ["JWT", "jwt", "AT+JWT", "at+JWT", "application/at+jwt", "at+jwt ", ""] {
        assert_eq!(with_header("typ", json!(typ)), Err(Rejected::Invalid), "{typ}");
    }
}

#[test]
fn a_header_without_typ_alg_or_kid_is_refused() {
    for name in ["typ", "alg", "kid"] {
        let mut header = header();
        header.remove(name);
        assert_eq!(verify(header, payload()), Err(Rejected::Invalid), "without {name}");
        assert_eq!(with_header(name, Value::Null), Err(Rejected::Invalid), "{name} null");
        assert_eq!(with_header(name, json!(["ES256"])), Err(Rejected::Invalid), "{name} a list");
    }
}

#[test]
fn any_other_algorithm_than_the_keys_own_is_refused() {
    for alg in ["none", "None", "nOnE", "", "HS256", "ES384", "RS256", "EdDSA", "es256", "ES256 "] {
        assert_eq!(with_header("alg", json!(alg)), Err(Rejected::Invalid), "{alg}");
    }
}

#[test]
fn a_public_key_is_never_used_as_a_shared_secret() {
    let signer = Signer::new();
    let mut header = header();
    header.insert("alg".to_owned(), json!("HS256"));
    let message = signer.token(&json_text(header), &json_text(payload()));
    let (message, _) = message.rsplit_once('.').expect("a token");
    for secret in [signer.pair.public_key().as_ref(), signer.public_key().jwk.as_bytes()] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, secret);
        let mac = aws_lc_rs::hmac::sign(&key, message.as_bytes());

        let forged = format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac));

        assert_eq!(signer.verify(&forged), Err(Rejected::Invalid));
    }
}

#[test]
fn an_unknown_kid_is_refused() {
    assert_eq!(with_header("kid", json!("unknown")), Err(Rejected::UnknownKey));
    assert_eq!(with_header("kid", json!("")), Err(Rejected::UnknownKey));
}

#[test]
fn a_header_that_would_change_how_a_token_is_verified_is_refused() {
    let jwk: Value = serde_json::from_str(&Signer::new().public_key().jwk).expect("JSON");
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["MIIB"])),
        ("x5t", json!("AAAA")),
        ("x5t#S256", json!("AAAA")),
        ("zip", json!("DEF")),
        ("cty", json!("JWT")),
        ("b64", json!(false)),
        ("enc", json!("A128GCM")),
        ("anything", Value::Null),
    ] {
        assert_eq!(with_header(name, value), Err(Rejected::Invalid), "{name}");
    }
}

#[test]
fn every_claim_but_roles_and_scope_is_required_and_each_is_of_its_type() {
    for name in payload().keys() {
        let mut payload = payload();
        let proper = payload.remove(name).expect("a claim");
        let is_required = !["roles", "scope"].contains(&name.as_str());
        assert_eq!(verify(header(), payload).is_err(), is_required, "without {name}");
        for wrong in [Value::Null, json!(true), json!({}), json!([[]]), json!(1.5), json!([proper])] {
            assert_eq!(with_claim(name, wrong.clone()), Err(Rejected::Invalid), "{name}: {wrong}");
        }
    }
    for name in ["exp", "iat", "auth_time"] {
        assert_eq!(with_claim(name, json!(NOW.seconds().to_string())), Err(Rejected::Invalid), "{name}");
        assert_eq!(with_claim(name, json!(1e300)), Err(Rejected::Invalid), "{name}");
        assert_eq!(with_claim(name, json!(u64::MAX)), Err(Rejected::Invalid), "{name}");
    }
    assert_eq!(with_claim("auth_time", json!(i64::MAX)), Err(Rejected::Invalid));
}

#[test]
fn another_issuer_or_audience_is_refused() {
    for other in ["", "https://id.example.com/", "https://ID.example.com", "https://evil.example"] {
        assert_eq!(with_claim("iss", json!(other)), Err(Rejected::Invalid), "iss {other}");
        assert_eq!(with_claim("aud", json!(other)), Err(Rejected::Invalid), "aud {other}");
    }
}

#[test]
fn ids_are_uuids_in_the_form_that_is_written() {
    for name in ["sub", "sid", "jti"] {
        for wrong in [
            "",
            "ada",
            "11111111111111111111111111111101",
            "{11111111-1111-1111-1111-111111111101}",
            "urn:uuid:11111111-1111-1111-1111-111111111101",
            "AAAAAAAA-1111-1111-1111-111111111101",
        ] {
            assert_eq!(with_claim(name, json!(wrong)), Err(Rejected::Invalid), "{name} {wrong}");
        }
    }
}

#[test]
fn a_token_ends_at_its_last_second_without_leeway() {
    let token = issuer().access_token(&claims(), NOW).expect("a token");

    assert_eq!(verifier().verify(token.expose(), after(599)), Ok(claims()));
    assert_eq!(verifier().verify(token.expose(), after(600)), Err(Rejected::Expired(claims().user_id)));
    assert_eq!(with_claim("exp", json!(0)), Err(Rejected::Expired(claims().user_id)));
    assert_eq!(with_claim("exp", json!(i64::MIN)), Err(Rejected::Expired(claims().user_id)));
}

#[test]
fn a_token_of_the_future_is_refused_beyond_five_seconds() {
    for name in ["iat", "nbf"] {
        assert_eq!(with_claim(name, json!(NOW.seconds() + 5)), Ok(claims()), "{name}");
        assert_eq!(with_claim(name, json!(NOW.seconds() + 6)), Err(Rejected::Invalid), "{name}");
        assert_eq!(with_claim(name, json!(i64::MAX)), Err(Rejected::Invalid), "{name}");
    }
}

#[test]
fn a_token_of_a_pending_key_is_refused_beyond_five_seconds() {
    let signer = Signer::new();
    let token = signer.token(&json_text(header()), &json_text(payload()));
    let verify = |not_before| {
        let key = PublicKey { not_before, ..signer.public_key() };
        Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &[key]).verify(&token, NOW)
    };

    assert_eq!(verify(after(5)), Ok(claims()), "clocks differ by seconds");
    assert_eq!(verify(after(5).plus(Duration::from_millis(1))), Err(Rejected::Invalid));
}

#[test]
fn nbf_may_be_absent_but_not_of_another_type() {
    assert_eq!(with_claim("nbf", json!(NOW.seconds())), Ok(claims()));
    for wrong in [Value::Null, json!("0"), json!(0.5)] {
        assert_eq!(with_claim("nbf", wrong.clone()), Err(Rejected::Invalid), "{wrong}");
    }
}

#[test]
fn the_reason_of_a_refusal_is_not_revealed() {
    let signer = Signer::new();
    let other = Signer::new();
    let mut expired = payload();
    expired.insert("exp".to_owned(), json!(0));

    let forged = other.token(&json_text(header()), &json_text(expired));

    assert_eq!(signer.verify(&forged), Err(Rejected::Invalid), "not: expired");
}

#[test]
fn a_repeated_member_is_refused() {
    let signer = Signer::new();
    let (header, payload) = (json_text(header()), json_text(payload()));
    let twice = |json: &str, member: &str| json.replacen('{', &format!("{{{member},"), 1);
    for (header, payload) in [
        (twice(&header, r#""alg":"ES256""#), payload.clone()),
        (twice(&header, r#""al\u0067":"ES256""#), payload.clone()),
        (header.clone(), twice(&payload, r#""exp":9999999999"#)),
        (header.clone(), twice(&payload, r#""x":1,"x":1"#)),
        (header.clone(), twice(&payload, r#""x":{"y":1,"y":1}"#)),
    ] {
        assert_eq!(
            signer.verify(&signer.token(&header, &payload)),
            Err(Rejected::Invalid),
            "{header} {payload}"
        );
    }
    let harmless = signer.token(&header, &twice(&payload, r#""x":{"exp":1}"#));
    assert_eq!(signer.verify(&harmless), Ok(claims()), "future claims are not an error");
}

#[test]
fn a_list_in_place_of_an_object_is_refused() {
    let signer = Signer::new();
    let values = |members: Map<String, Value>| Value::Array(members.into_values().collect()).to_string();
    let in_order = json!(["ES256", "at+jwt", "known"]).to_string();

    for token in [
        signer.token(&in_order, &json_text(payload())),
        signer.token(&json_text(header()), &values(payload())),
        signer.token(&format!(" {}", json_text(header())), &json_text(payload())),
        signer.token(&json_text(header()), "null"),
    ] {
        assert_eq!(signer.verify(&token), Err(Rejected::Invalid));
    }
}

#[test]
fn anything_but_three_full_segments_is_refused() {
    let signer = Signer::new();
    let token = signer.token(&json_text(header()), &json_text(payload()));
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three") };
    for wrong in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        header.to_owned(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.{signature}"),
        signer.seal(&format!("{header}.")),
        signer.seal(&format!("{header}.{payload}.{payload}")),
        signer.seal(payload),
    ] {
        assert_eq!(signer.verify(&wrong), Err(Rejected::Invalid), "{wrong}");
    }
}

#[test]
fn base64url_that_is_not_canonical_is_refused() {
    let signer = Signer::new();
    let payload = URL_SAFE_NO_PAD.encode(json_text(payload()));
    for pad in ["=", "==", " ", "\n", "+", "/"] {
        let message = format!("{}{pad}.{payload}", URL_SAFE_NO_PAD.encode(json_text(header())));
        assert_eq!(signer.verify(&signer.seal(&message)), Err(Rejected::Invalid), "header{pad}");
        let message = format!("{}.{payload}{pad}", URL_SAFE_NO_PAD.encode(json_text(header())));
        assert_eq!(signer.verify(&signer.seal(&message)), Err(Rejected::Invalid), "payload{pad}");
    }
    // 64 bytes leave four spare bits in the last character, so another text has the same signature.
    let token = signer.seal(&format!("{}.{payload}", URL_SAFE_NO_PAD.encode(json_text(header()))));
    let (rest, last) = token.split_at(token.len() - 1);
    for spare in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars() {
        let expected = if last.starts_with(spare) { Ok(claims()) } else { Err(Rejected::Invalid) };
        assert_eq!(signer.verify(&format!("{rest}{spare}")), expected, "{spare}");
    }
}

#[test]
fn roles_and_scope_may_be_missing_or_empty_but_not_null() {
    let nothing = AccessClaims { roles: Vec::new(), scope: String::new(), ..claims() };
    let with = |change: fn(&mut Map<String, Value>)| {
        let mut payload = payload();
        change(&mut payload);
        verify(header(), payload)
    };

    assert_eq!(
        with(|payload| payload.retain(|name, _| name != "roles" && name != "scope")),
        Ok(nothing.clone())
    );
    // Tokens of earlier versions have empty claims.
    assert_eq!(with(|payload| payload.extend(object(json!({"roles": [], "scope": ""})))), Ok(nothing));
    for name in ["roles", "scope"] {
        assert_eq!(with_claim(name, Value::Null), Err(Rejected::Invalid), "{name}");
    }
}

#[test]
fn a_token_beyond_8_kib_is_refused() {
    let roles = |length: usize| with_claim("roles", json!(["x".repeat(length)])).map(drop);

    assert_eq!(roles(5_000), Ok(()));
    assert_eq!(roles(6_000), Err(Rejected::Invalid));
}

#[test]
fn the_old_key_still_verifies_beside_the_new_one() {
    let old = issuer();
    let new = issuer_with(&seeds(NEXT, &[CURRENT]));
    let keys = [old.public_key(NOW), new.public_key(NOW)];
    let verifier = Verifier::new(ISSUER.to_owned(), AUDIENCE.to_owned(), &keys);

    for issuer in [old, new] {
        let token = issuer.access_token(&claims(), NOW).expect("a token");
        assert_eq!(verifier.verify(token.expose(), NOW), Ok(claims()));
    }
}

proptest! {
    #[test]
    fn an_altered_token_is_refused(at in 0_usize..10_000, bit in 0_u8..7) {
        let mut token = issuer().access_token(&claims(), NOW).expect("a token").expose().as_bytes().to_vec();
        let at = at % token.len();
        token[at] ^= 1 << bit;
        let altered = String::from_utf8(token).expect("ASCII");

        prop_assert!(verifier().verify(&altered, NOW).is_err());
    }

    #[test]
    fn no_text_makes_the_verifier_panic_or_believe(text in any::<String>()) {
        prop_assert!(verifier().verify(&text, NOW).is_err());
    }

    #[test]
    fn no_header_or_payload_makes_the_verifier_panic(header in any::<String>(), payload in any::<String>()) {
        let signer = Signer::new();
        prop_assert!(signer.verify(&signer.token(&header, &payload)).is_err());
        prop_assert!(signer.verify(&signer.token(&json_text(self::header()), &payload)).is_err());
    }

    #[test]
    fn claims_come_back_as_they_went_in(
        roles in prop::collection::vec("\\PC{0,20}", 0..5),
        scope in "\\PC{0,20}",
        seconds in 0_i64..253_402_300_800,
    ) {
        let claims = AccessClaims { roles, scope, auth_time: Timestamp::from_millis(seconds * 1000), ..claims() };
        let token = issuer().access_token(&claims, NOW).expect("a token");
        prop_assert_eq!(verifier().verify(token.expose(), NOW), Ok(claims));
    }
}
