//! Custom attributes: what a service keeps of its users besides names and language.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use thiserror::Error;

/// Attributes that a service can declare.
const MOST_DECLARED: usize = 50;
/// Code points of a text for which the service declares no other bound, and the highest bound.
const MAX_LENGTH: usize = 200;
const LONGEST_LENGTH: usize = 1000;
/// All of a user's attributes, as JSON: they are in the user's item and in events.
const MAX_BYTES: usize = 4096;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Boolean(bool),
}

/// The attributes of a user, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attributes(BTreeMap<String, Attribute>);

/// What becomes of some attributes: a new value, or `None` for none any more.
pub type AttributeChanges = BTreeMap<String, Option<Attribute>>;

/// The attributes that a service declares: what its users may have.
#[derive(Clone, Debug)]
pub struct AttributesSchema(BTreeMap<String, Rule>);

/// What a service declares of an attribute, in keywords of JSON Schema.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Rule {
    String {
        #[serde(rename = "maxLength")]
        max_length: Option<usize>,
        r#enum: Option<Vec<String>>,
    },
    Integer {
        minimum: Option<i64>,
        maximum: Option<i64>,
    },
    Boolean {},
}

/// Why a schema cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{}", self.sentence())]
pub enum InvalidSchema {
    /// It is no JSON object of declarations.
    Malformed,
    /// A name is not one.
    Name,
    /// There are too many.
    TooMany,
    /// Nothing could fulfil a declaration, or too much.
    Bounds,
}

/// "`/attributes/…` …"
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidAttribute {
    /// The service declares no such attribute.
    #[error("has a field that is not declared")]
    Undeclared,
    /// The value is not what the service declares.
    #[error("is not what is declared for it")]
    NotAsDeclared,
    /// They are too much together.
    #[error("must have at most 4096 bytes together")]
    TooLarge,
}

impl InvalidSchema {
    /// "`ATTRIBUTES_SCHEMA` …"
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "must be a JSON object of names and their declarations",
            Self::Name => "declares a name that is not 1 to 32 of a-z, 0-9 and _, the first a letter",
            Self::TooMany => "declares more than 50 attributes",
            Self::Bounds => "declares bounds that cannot be, or a text of more than 1000 characters",
        }
    }
}

impl FromStr for AttributesSchema {
    type Err = InvalidSchema;
    /// Takes the `properties` of a JSON Schema, in the few keywords of `Rule`.
    fn from_str(text: &str) -> Result<Self, InvalidSchema> {
        let rules: BTreeMap<String, Rule> =
            serde_json::from_str(text).map_err(|_| InvalidSchema::Malformed)?;
        if rules.len() > MOST_DECLARED {
            return Err(InvalidSchema::TooMany);
        }
        if !rules.keys().all(|name| is_name(name)) {
            return Err(InvalidSchema::Name);
        }
        if !rules.values().all(Rule::can_be) {
            return Err(InvalidSchema::Bounds);
        }
        Ok(Self(rules))
    }
}

impl AttributesSchema {
    /// Whether `name` is declared.
    #[must_use]
    pub fn declares(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a value for the attribute `name`.
    ///
    /// # Errors
    /// [`InvalidAttribute`] if it is not declared so.
    pub fn parse(&self, name: &str, value: &Value) -> Result<Attribute, InvalidAttribute> {
        let rule = self.0.get(name).ok_or(InvalidAttribute::Undeclared)?;
        let value = Attribute::of(value).ok_or(InvalidAttribute::NotAsDeclared)?;
        if rule.permits(&value) { Ok(value) } else { Err(InvalidAttribute::NotAsDeclared) }
    }
}

impl Rule {
    /// Whether some value fulfils it, and none is too long.
    fn can_be(&self) -> bool {
        match self {
            Self::String { max_length, r#enum } => {
                let values = r#enum.as_deref();
                let fits = |text: &String| self.permits(&Attribute::Text(text.clone()));
                max_length.is_none_or(|most| (1..=LONGEST_LENGTH).contains(&most))
                    && values.is_none_or(|values| !values.is_empty() && values.iter().all(fits))
            }
            Self::Integer { minimum: Some(minimum), maximum: Some(maximum) } => minimum <= maximum,
            Self::Integer { .. } | Self::Boolean {} => true,
        }
    }

    fn permits(&self, value: &Attribute) -> bool {
        match (self, value) {
            (Self::String { max_length, r#enum }, Attribute::Text(text)) => {
                text.chars().count() <= max_length.unwrap_or(MAX_LENGTH)
                    && !text.chars().any(char::is_control)
                    && r#enum.as_ref().is_none_or(|values| values.contains(text))
            }
            (Self::Integer { minimum, maximum }, Attribute::Integer(number)) => {
                minimum.is_none_or(|minimum| minimum <= *number)
                    && maximum.is_none_or(|maximum| *number <= maximum)
            }
            (Self::Boolean {}, Attribute::Boolean(_)) => true,
            _ => false,
        }
    }
}

impl Attribute {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => integer(number).map(Self::Integer),
            Value::Bool(yes) => Some(Self::Boolean(*yes)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Returns a number without a fraction as an integer, however it is written: `30.0` and `3e1` are 30, as in
/// JSON Schema. Beyond 2^53 a number with a point or an exponent no longer stands for one integer.
fn integer(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    let written_otherwise = || format!("{:.0}", number.as_f64().filter(is_whole)?).parse().ok();
    number.as_i64().or_else(written_otherwise)
}

impl Attributes {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The attributes that [`Attributes::json`] made a text of: what a table holds.
    #[must_use]
    pub fn of_json(text: &str) -> Option<Self> {
        let values: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
        let attribute = |(name, value): (String, Value)| Some((name, Attribute::of(&value)?));
        values.into_iter().map(attribute).collect::<Option<_>>().map(Self)
    }

    /// The attributes that somebody brings along from another system, as a JSON object: they are not held
    /// against what is declared here, only against the bounds of all.
    ///
    /// # Errors
    /// [`InvalidAttribute`] if a name or a value can be none, or if they are too much together.
    pub fn brought(text: &str) -> Result<Self, InvalidAttribute> {
        let can_be = |(name, value): (&String, &Attribute)| {
            is_name(name) && !matches!(value, Attribute::Text(text) if text.chars().any(char::is_control))
        };
        let attributes = Self::of_json(text).filter(|attributes| attributes.0.iter().all(can_be));
        attributes.ok_or(InvalidAttribute::NotAsDeclared)?.changed(&AttributeChanges::new())
    }

    /// A JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        // Only a map key that is no string, or a failing `Serialize`, could fail; there is neither.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// These attributes, changed.
    ///
    /// # Errors
    /// [`InvalidAttribute::TooLarge`] if they are too much together.
    pub(crate) fn changed(mut self, changes: &AttributeChanges) -> Result<Self, InvalidAttribute> {
        for (name, value) in changes {
            match value {
                Some(value) => drop(self.0.insert(name.clone(), value.clone())),
                None => drop(self.0.remove(name)),
            }
        }
        if self.json().len() > MAX_BYTES { Err(InvalidAttribute::TooLarge) } else { Ok(self) }
    }

    /// The names of those that are not the same in `other`.
    pub(crate) fn differing(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        names.into_iter().filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
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
    fn a_value_is_what_the_service_declares() {
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
        for (name, value) in taken {
            assert!(schema().parse(name, &value).is_ok(), "{name}: {value}");
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
            ("news", json!(null)),
            ("news", json!({})),
        ];
        for (name, value) in refused {
            assert_eq!(schema().parse(name, &value), Err(InvalidAttribute::NotAsDeclared), "{name}: {value}");
        }
        assert_eq!(schema().parse("other", &json!(1)), Err(InvalidAttribute::Undeclared));
    }

    #[test]
    fn a_schema_that_cannot_be_used_is_refused() {
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
        ] {
            assert_eq!(parse(text), Err(why), "{text}");
        }
        let declared = |count: usize| {
            let names = (0..count).map(|number| (format!("a{number}"), json!({"type": "boolean"})));
            parse(&Value::Object(names.collect()).to_string())
        };
        assert_eq!((declared(50), declared(51)), (Ok(()), Err(InvalidSchema::TooMany)));
    }

    #[test]
    fn attributes_are_read_as_they_are_written_and_have_an_end() {
        let set = |value: &str| [("motto".to_owned(), Some(Attribute::Text(value.to_owned())))].into();
        let with_motto = Attributes::default().changed(&set("onward")).expect("attributes");
        assert_eq!(Attributes::of_json(&with_motto.json()), Some(with_motto.clone()));
        assert_eq!(with_motto.differing(&Attributes::default()), ["motto"]);

        let none = with_motto.changed(&[("motto".to_owned(), None)].into()).expect("none");
        assert!(none.is_empty());
        assert_eq!(none.changed(&set(&"x".repeat(4096))), Err(InvalidAttribute::TooLarge));
    }
}
