//! Each type of item, read and written.

mod events;
mod kinds;
mod values;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use proptest::{
    prelude::{Just, Strategy, any},
    prop_oneof,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::Value;

use crate::InvalidItem;
use crate::dynamodb::attributes::{Attributes, text_of};
use kinds::{Kind, kinds};

/// Items as tables hold them since before `serde_dynamo` wrote them, one a line with the name of its kind.
const STORED: &str = include_str!("tests/stored.ndjson");

/// Runs a test for many items of each kind.
fn for_each_kind(test: impl Fn(&Kind, Attributes) -> Result<(), TestCaseError>) {
    for kind in kinds() {
        let mut runner =
            TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&kind.items, |item| test(&kind, item));
        outcome.unwrap_or_else(|failure| panic!("{}: {failure}", kind.name));
    }
}

/// Runs a test for each attribute of many items of each kind.
fn for_each_attribute(test: impl Fn(&Kind, &Attributes, &str)) {
    for_each_kind(|kind, item| {
        for name in item.keys() {
            test(kind, &item, name);
        }
        Ok(())
    });
}

fn stored() -> Vec<(String, Attributes)> {
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).expect("JSON");
        let item: serde_dynamo::Item = serde_json::from_value(line["item"].clone()).expect("an item");
        (line["kind"].as_str().expect("a kind").to_owned(), item.into())
    };
    STORED.lines().map(line).collect()
}

#[test]
fn stored_items_are_read_and_written_back_unchanged() {
    let (kinds, stored) = (kinds(), stored());
    for kind in &kinds {
        assert!(stored.iter().any(|(name, _)| name == kind.name), "no stored {}", kind.name);
    }
    for (name, item) in stored {
        let kind = kinds.iter().find(|kind| kind.name == name).expect("a kind");

        let written = (kind.rewrite)(item.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));

        for (attribute, value) in &written {
            assert_eq!(Some(value), item.get(attribute), "{name}: {attribute}");
        }
        let lost = item.keys().find(|name| !written.contains_key(*name) && kind.reads(name));
        assert_eq!(lost, None, "{name}");
    }
}

#[test]
fn an_item_that_is_written_is_read_as_it_was() {
    for_each_kind(|kind, item| {
        assert_eq!((kind.rewrite)(item.clone()).as_ref(), Ok(&item));
        Ok(())
    });
}

#[test]
fn what_is_not_there_is_left_out_rather_than_null() {
    for_each_kind(|_, item| {
        assert!(!item.values().any(AttributeValue::is_null), "{item:?}");
        Ok(())
    });
}

#[test]
fn an_unknown_attribute_is_ignored() {
    let values = prop_oneof![
        any::<bool>().prop_map(AttributeValue::Bool),
        any::<String>().prop_map(AttributeValue::S),
        any::<i128>().prop_map(|number| AttributeValue::N(number.to_string())),
        any::<f64>().prop_map(|number| AttributeValue::N(number.to_string())),
        any::<Vec<u8>>().prop_map(|octets| AttributeValue::B(Blob::new(octets))),
        any::<Vec<String>>().prop_map(AttributeValue::Ss),
        Just(true).prop_map(AttributeValue::Null),
        any::<bool>().prop_map(|flag| AttributeValue::L(vec![AttributeValue::Bool(flag)])),
        any::<bool>()
            .prop_map(|flag| AttributeValue::M([("x".to_owned(), AttributeValue::Bool(flag))].into())),
    ];
    for kind in kinds() {
        let mut runner =
            TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&(&kind.items, &values), |(item, value)| {
            let mut extended = item.clone();
            extended.insert("of_a_later_release".to_owned(), value);
            assert_eq!((kind.rewrite)(extended).as_ref(), Ok(&item));
            Ok(())
        });
        outcome.unwrap_or_else(|failure| panic!("{}: {failure}", kind.name));
    }
}

#[test]
fn a_missing_attribute_is_named_with_the_type_of_the_item() {
    for_each_attribute(|kind, item, name| {
        let mut item = item.clone();
        item.remove(name);
        match (kind.rewrite)(item.clone()) {
            Err(error) if kind.requires(name) => assert_eq!(error, kind.malformed(name)),
            // An attribute that another one makes necessary, or makes up for.
            Err(error) => assert!(error.item == kind.name && !item.contains_key(&error.attribute), "{error}"),
            Ok(_) => assert!(!kind.requires(name), "{}: {name}", kind.name),
        }
    });
}

#[test]
fn a_value_of_another_type_is_named_with_the_type_of_the_item() {
    let others = [
        AttributeValue::Bool(true),
        AttributeValue::M(Attributes::new()),
        AttributeValue::N("1.5".to_owned()),
        AttributeValue::N("not a number".to_owned()),
        AttributeValue::L(vec![AttributeValue::Bool(false)]),
        AttributeValue::B(Blob::new(vec![0; 31])),
    ];
    for_each_attribute(|kind, item, name| {
        for other in &others {
            // Some attributes hold octets of any length.
            let is_usable = ["answer", "octets"].contains(&name) && other.is_b();
            if kind.reads(name) && !is_usable {
                let mut item = item.clone();
                item.insert(name.to_owned(), other.clone());
                assert_eq!((kind.rewrite)(item), Err(kind.malformed(name)), "{other:?}");
            }
        }
    });
}

#[test]
fn an_attribute_that_is_only_written_is_not_read() {
    for_each_attribute(|kind, item, name| {
        if !kind.reads(name) && name != "pk" {
            let mut item = item.clone();
            item.insert(name.to_owned(), AttributeValue::Bool(true));
            assert!((kind.rewrite)(item).is_ok(), "{}: {name}", kind.name);
        }
    });
}

#[test]
fn no_error_repeats_a_value() {
    const SECRET: &str = "hunter2";
    let secrets = [
        AttributeValue::S(SECRET.to_owned()),
        AttributeValue::N(SECRET.to_owned()),
        AttributeValue::L(vec![AttributeValue::N(SECRET.to_owned())]),
        AttributeValue::B(Blob::new(SECRET)),
    ];
    for_each_attribute(|kind, item, name| {
        for secret in &secrets {
            let mut item = item.clone();
            item.insert(name.to_owned(), secret.clone());
            if let Err(error) = (kind.rewrite)(item) {
                assert!(!format!("{error} {error:?}").contains(SECRET), "{}: {error}", kind.name);
            }
        }
    });
}

#[test]
fn a_user_who_is_to_be_erased_needs_the_moment() {
    let (_, mut user) = stored()
        .into_iter()
        .find(|(kind, item)| kind == "user" && text_of(item, "status") == Some("deleting"))
        .expect("a user");
    user.remove("erase_at");
    let kind = kinds().into_iter().find(|kind| kind.name == "user").expect("a kind");

    let read = (kind.rewrite)(user);

    assert_eq!(read, Err(InvalidItem { item: "user", attribute: "erase_at".to_owned() }));
    let message = read.expect_err("an error").to_string();
    assert_eq!(message, "a stored user has no usable attribute `erase_at`");
}
