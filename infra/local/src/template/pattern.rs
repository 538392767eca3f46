//! EventBridge's event patterns, of which Lambda's stream filters are made as well.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::TemplateError;

/// What an event must look like. Every field that is named must match; others do not matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern(BTreeMap<String, Field>);

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Within(Pattern),
    AnyOf(Vec<Matcher>),
}

#[derive(Clone, Debug, PartialEq)]
enum Matcher {
    Equals(Value),
    Prefix(String),
    Exists(bool),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If it is none, or uses a matcher that is not implemented here: it would match other events
    /// than on AWS.
    pub fn read(pattern: &Value) -> Result<Self, TemplateError> {
        let Some(fields) = pattern.as_object().filter(|fields| !fields.is_empty()) else {
            return Err(TemplateError::new("a pattern must be an object with fields".to_owned()));
        };
        let fields = fields.iter().map(|(name, wanted)| {
            let field = match wanted {
                Value::Array(choices) if !choices.is_empty() => {
                    Field::AnyOf(choices.iter().map(matcher).collect::<Result<_, _>>()?)
                }
                Value::Object(_) if !name.starts_with('$') => Field::Within(Self::read(wanted)?),
                _ => return Err(unsupported(name)),
            };
            Ok((name.clone(), field))
        });
        Ok(Self(fields.collect::<Result<_, _>>()?))
    }

    /// Whether the event matches.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, field)| match (field, event.get(name)) {
            (Field::Within(pattern), Some(Value::Array(values))) => {
                values.iter().any(|value| pattern.matches(value))
            }
            (Field::Within(pattern), value) => pattern.matches(value.unwrap_or(&Value::Null)),
            (Field::AnyOf(matchers), value) => matchers.iter().any(|matcher| matcher.matches(value)),
        })
    }
}

impl Matcher {
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Exists(wanted), value) => value.is_some() == *wanted,
            (_, None) => false,
            // A list matches if one of its values does.
            (_, Some(Value::Array(values))) => values.iter().any(|value| self.matches(Some(value))),
            (Self::Equals(wanted), Some(value)) => wanted == value,
            (Self::Prefix(prefix), Some(value)) => {
                value.as_str().is_some_and(|text| text.starts_with(prefix.as_str()))
            }
        }
    }
}

fn matcher(wanted: &Value) -> Result<Matcher, TemplateError> {
    let Value::Object(fields) = wanted else {
        return match wanted {
            Value::Array(_) => Err(unsupported("a list within a list")),
            plain => Ok(Matcher::Equals(plain.clone())),
        };
    };
    match fields.iter().next().filter(|_| fields.len() == 1) {
        Some((name, Value::String(prefix))) if name == "prefix" => Ok(Matcher::Prefix(prefix.clone())),
        Some((name, Value::Bool(exists))) if name == "exists" => Ok(Matcher::Exists(*exists)),
        Some((name, _)) => Err(unsupported(name)),
        None => Err(unsupported("a matcher with several fields")),
    }
}

fn unsupported(what: &str) -> TemplateError {
    TemplateError::new(format!("the event pattern uses `{what}` in a way that is not implemented locally"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pattern(pattern: &Value) -> Pattern {
        Pattern::read(pattern).expect("a pattern")
    }

    #[test]
    fn every_named_field_must_match_one_of_its_values() {
        let wanted =
            pattern(&json!({"source": ["gatepost"], "detail": {"type": ["a", {"prefix": "user."}]}}));
        assert!(
            wanted.matches(&json!({"source": "gatepost", "detail": {"type": "user.registered"}, "x": 1}))
        );
        assert!(wanted.matches(&json!({"source": ["other", "gatepost"], "detail": {"type": "a"}})));
        assert!(!wanted.matches(&json!({"source": "gatepost", "detail": {"type": "session.started"}})));
        assert!(!wanted.matches(&json!({"source": "gatepost"})));
    }

    #[test]
    fn absence_can_be_asked_for() {
        let wanted = pattern(&json!({"userIdentity": [{"exists": false}]}));
        assert!(wanted.matches(&json!({})));
        assert!(!wanted.matches(&json!({"userIdentity": {"type": "Service"}})));
    }

    #[test]
    fn what_would_match_otherwise_than_on_aws_is_refused() {
        for unknown in [
            json!({"n": [{"numeric": [">", 0]}]}),
            json!({"$or": [{"a": [1]}]}),
            json!({"a": "text"}),
            json!({"a": []}),
            json!({}),
        ] {
            assert!(Pattern::read(&unknown).is_err(), "{unknown}");
        }
    }
}
