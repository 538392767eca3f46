//! What is answered to what is wrong.

use journeys::{Person, Place};
use serde_json::json;

#[test]
fn every_unacceptable_field_is_said_at_once() {
    let body = json!({"email": "nobody", "password": "short", "first_name": "", "last_name": "x".repeat(51)});

    let refused = Place::here().post("/v1/registrations", &body).expect(422);

    assert_eq!(refused.problem(), "validation-failed");
    let errors = refused.body["errors"].as_array().expect("errors");
    let said: Vec<_> =
        errors.iter().map(|error| (error["pointer"].as_str(), error["code"].as_str())).collect();
    let expected = [
        (Some("/email"), Some("invalid-email")),
        (Some("/first_name"), Some("validation-failed")),
        (Some("/last_name"), Some("validation-failed")),
        (Some("/password"), Some("password-too-short")),
    ];
    assert_eq!(said, expected);
    assert!(!refused.body.to_string().contains("nobody"), "nothing that was sent is sent back");
}

#[test]
fn a_body_is_one_json_object_of_at_most_16_kib() {
    let place = Place::here();
    let post = |content_type: &str, body: &str| place.post_raw("/v1/sessions", content_type, body);

    for malformed in ["", "{", "[]", "[\"ada@example.com\",\"password\"]", "\"text\"", "null", "{]"] {
        assert_eq!(
            post("application/json", malformed).expect(400).problem(),
            "malformed-json",
            "{malformed:?}"
        );
    }
    for json in
        ["application/json; charset=utf8", "APPLICATION/JSON;charset=latin1", "application/json; v=1; x=y"]
    {
        assert_eq!(post(json, "{").expect(400).problem(), "malformed-json", "{json}");
    }
    for other in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"] {
        assert_eq!(post(other, "{}").expect(415).problem(), "unsupported-media-type", "{other}");
    }
    let large = json!({"email": "ada@example.com", "password": "x".repeat(16 * 1024)}).to_string();
    assert_eq!(post("application/json", &large).expect(413).problem(), "payload-too-large");
    for unacceptable in
        ["{}", r#"{"email":1,"password":"x"}"#, r#"{"email":"a@b.c","password":"x","admin":true}"#]
    {
        assert_eq!(
            post("application/json", unacceptable).expect(422).problem(),
            "validation-failed",
            "{unacceptable}"
        );
    }
}

#[test]
fn what_is_not_there_is_said_to_be_not_there() {
    let place = Place::here();

    assert_eq!(place.get("/v1/nothing", None).expect(404).problem(), "not-found");
    assert_eq!(place.post("/wp-login.php", &json!({})).expect(404).problem(), "not-found");
    let refused = place.get("/v1/sessions", None).expect(405);
    assert_eq!(
        (refused.problem().as_str(), refused.header("allow")),
        ("method-not-allowed", "POST, OPTIONS")
    );
}

#[test]
fn only_an_access_token_opens_a_profile() {
    let (person, _, tokens) = Person::signed_in();
    let me = |token: Option<&str>| person.place.get("/v1/me", token);

    let mut altered: Vec<_> = tokens.access.bytes().collect();
    let middle = altered.len() - 20;
    altered[middle] = if altered[middle] == b'A' { b'B' } else { b'A' };
    let altered = String::from_utf8(altered).expect("ASCII");
    for token in [None, Some(""), Some("x"), Some(tokens.refresh.as_str()), Some(altered.as_str())] {
        let refused = me(token).expect(401);
        assert_eq!(refused.problem(), "invalid-token");
        let has_token = token.is_some_and(|token| !token.is_empty());
        let challenge = if has_token { r#"Bearer error="invalid_token""# } else { "Bearer" };
        assert_eq!(refused.header("www-authenticate"), challenge);
    }
    me(Some(&tokens.access)).expect(200);
    for more_spaces in [format!(" {}", tokens.access), format!("    {}", tokens.access)] {
        me(Some(&more_spaces)).expect(200);
    }
}

#[test]
fn a_correlation_id_is_kept_if_it_is_harmless_and_made_if_not() {
    let place = Place::here();
    let made = place.get("/v1/health", None);
    assert!(made.header("x-correlation-id").len() >= 8);
    assert_eq!(made.header("x-content-type-options"), "nosniff");
}
