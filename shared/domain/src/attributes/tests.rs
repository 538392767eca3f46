use serde_json::json;

use super::*;

fn schema() -> AttributesSchema {
    let text = r#"{
        "plan": {"type": "string", "enum": ["free", "pro"]}, "motto": {"type": "string", "maxLength": 5},
        "age": {"type": "integer", "minimum": 0, "maximum": 150}, "news": {"type": "boolean"}
    }"#;
    text.parse().expect("a schema")
}

#[test]
fn values_match_their_declaration() {
    let taken = [
        ("plan", json!("pro")),
        ("motto", json!("ééééé")),
        ("age", json!(0)),
        ("age", json!(150)),
        ("age", json!(30.0)),
        ("age", json!(1.5e2)),
        ("age", json!(-0.0)),
        ("news", json!(false)),
    ];
    let set = |name: &str, value: &Value| schema().change(name, value, Accessor::Admin);
    for (name, value) in taken {
        assert!(set(name, &value).is_ok(), "{name}: {value}");
    }
    let refused = [
        ("plan", json!("gold")),
        ("motto", json!("éééééé")),
        ("motto", json!("a\nb")),
        ("motto", json!(5)),
        ("age", json!(-1)),
        ("age", json!(151)),
        ("age", json!(1.5)),
        ("age", json!(1e300)),
        ("age", json!("5")),
        ("news", json!({})),
    ];
    for (name, value) in refused {
        assert_eq!(set(name, &value), Err(InvalidAttribute::NotAsDeclared), "{name}: {value}");
    }
    assert_eq!(set("other", &json!(1)), Err(InvalidAttribute::Undeclared));
    assert_eq!((set("other", &json!(null)), set("news", &json!(null))), (Ok(None), Ok(None)));
}

#[test]
fn attributes_are_read_and_written_as_declared() {
    let schema: AttributesSchema = r#"{
        "plan": {"type": "string", "maxLength": 9, "claim": true}, "motto": {"type": "string", "write": "user"},
        "risk": {"type": "integer", "read": "admin"}
    }"#
    .parse()
    .expect("a schema");
    let text = json!("pro");
    let change = |name, by| schema.change(name, &text, by).map(|_| ());
    assert_eq!(change("plan", Accessor::User), Err(InvalidAttribute::NotWritable));
    assert_eq!(change("motto", Accessor::User), Ok(()));
    assert_eq!(change("risk", Accessor::User), Err(InvalidAttribute::Undeclared));
    assert_eq!(schema.change("risk", &json!(null), Accessor::User), Err(InvalidAttribute::Undeclared));
    assert_eq!(schema.change("old", &json!(null), Accessor::User), Err(InvalidAttribute::Undeclared));
    assert_eq!((change("plan", Accessor::Admin), change("motto", Accessor::Admin)), (Ok(()), Ok(())));
    assert_eq!(schema.removal_by_user(), [("motto".to_owned(), None)].into());

    let all = Attributes::of_json(r#"{"plan": "pro", "motto": "on", "risk": 7, "old": true}"#).expect("all");
    assert_eq!(schema.readable(&all).json(), r#"{"motto":"on","plan":"pro"}"#);
    assert_eq!(schema.claims(&all).json(), r#"{"plan":"pro"}"#);
    let outdated = Attributes::of_json(r#"{"plan": "professional"}"#).expect("attributes");
    assert!(schema.claims(&outdated).is_empty(), "claims follow the current declarations");
}

#[test]
fn reserved_claims_are_sorted() {
    assert!(RESERVED_CLAIMS.is_sorted());
}

#[test]
fn an_unusable_schema_is_refused() {
    let parse = |text: &str| text.parse::<AttributesSchema>().map(drop);
    assert_eq!(parse("{}"), Ok(()));
    for (text, why) in [
        ("", InvalidSchema::Malformed),
        ("[]", InvalidSchema::Malformed),
        (r#"{"a": {}}"#, InvalidSchema::Malformed),
        (r#"{"a": {"type": "object"}}"#, InvalidSchema::Malformed),
        (r#"{"a": {"type": "boolean", "enum": ["x"]}}"#, InvalidSchema::Malformed),
        (r#"{"a": {"type": "string", "pattern": "x"}}"#, InvalidSchema::Malformed),
        (r#"{"A": {"type": "string"}}"#, InvalidSchema::Name),
        (r#"{"": {"type": "string"}}"#, InvalidSchema::Name),
        (r#"{"a": {"type": "string", "maxLength": 1001}}"#, InvalidSchema::Bounds),
        (r#"{"a": {"type": "string", "enum": []}}"#, InvalidSchema::Bounds),
        (r#"{"a": {"type": "string", "maxLength": 2, "enum": ["abc"]}}"#, InvalidSchema::Bounds),
        (r#"{"a": {"type": "integer", "minimum": 2, "maximum": 1}}"#, InvalidSchema::Bounds),
        (r#"{"a": {"type": "boolean", "write": "owner"}}"#, InvalidSchema::Malformed),
        (r#"{"a": {"type": "boolean", "claim": 1}}"#, InvalidSchema::Malformed),
        (r#"{"a": {"type": "boolean", "read": "admin", "write": "user"}}"#, InvalidSchema::Access),
        (r#"{"a": {"type": "boolean", "read": "admin", "claim": true}}"#, InvalidSchema::Access),
        (r#"{"sub": {"type": "boolean", "claim": true}}"#, InvalidSchema::ReservedClaim),
        (r#"{"a": {"type": "string", "claim": true}}"#, InvalidSchema::LargeClaims),
    ] {
        assert_eq!(parse(text), Err(why), "{text}");
    }
    let declared = |count: usize| {
        let names = (0..count).map(|number| (format!("a{number}"), json!({"type": "boolean"})));
        parse(&Value::Object(names.collect()).to_string())
    };
    assert_eq!((declared(50), declared(51)), (Ok(()), Err(InvalidSchema::TooMany)));
    let claimed = |count: usize| {
        let names =
            (0..count).map(|number| (format!("a{number}"), json!({"type": "boolean", "claim": true})));
        parse(&Value::Object(names.collect()).to_string())
    };
    assert_eq!((claimed(5), claimed(6)), (Ok(()), Err(InvalidSchema::LargeClaims)));
}

#[test]
fn attributes_are_parsed_as_written_and_have_limits() {
    let set = |value: &str| [("motto".to_owned(), Some(Attribute::Text(value.to_owned())))].into();
    let with_motto = Attributes::default().changed(&set("onward")).expect("attributes");
    assert_eq!(Attributes::of_json(&with_motto.json()), Some(with_motto.clone()));
    assert_eq!(with_motto.differing(&Attributes::default()), ["motto"]);

    let none = with_motto.changed(&[("motto".to_owned(), None)].into()).expect("none");
    assert!(none.is_empty());
    assert_eq!(none.changed(&set(&"x".repeat(4096))), Err(InvalidAttribute::TooLarge));
}
