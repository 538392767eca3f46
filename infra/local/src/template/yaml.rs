//! From a template's YAML to JSON, with CloudFormation's tags (`!Ref X`) in their long form
//! (`{"Ref": "X"}`).

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value, json};

use super::error::TemplateError;

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Result<Value, TemplateError> {
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) =
            event.map_err(|e| TemplateError::new(format!("line {}: {}", e.marker().line(), e.info())))?;
        let at = |problem: &str| TemplateError::new(format!("line {}: {problem}", span.start.line()));
        let value = match event {
            Event::SequenceStart(_, tag) => {
                open.push(Open::sequence(tag.as_deref()));
                continue;
            }
            Event::MappingStart(_, tag) => {
                open.push(Open::mapping(tag.as_deref()));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(closed) => closed.close(),
                None => return Err(at("a list or mapping ends that never began")),
            },
            Event::Scalar(text, style, _, tag) => scalar(&text, style, tag.as_deref()),
            Event::Alias(_) => return Err(at("aliases (`*name`) are not supported")),
            _ => continue,
        };
        match open.last_mut() {
            Some(parent) => parent.take(value).map_err(|problem| at(&problem))?,
            None => return Ok(value),
        }
    }
    Err(TemplateError::new("it is empty".to_owned()))
}

/// A list or mapping that is being read.
struct Open {
    tag: Option<String>,
    content: Content,
}

enum Content {
    Sequence(Vec<Value>),
    Mapping(Map<String, Value>, Option<String>),
}

impl Open {
    fn sequence(tag: Option<&Tag>) -> Self {
        Self { tag: tag.and_then(function), content: Content::Sequence(Vec::new()) }
    }

    fn mapping(tag: Option<&Tag>) -> Self {
        Self { tag: tag.and_then(function), content: Content::Mapping(Map::new(), None) }
    }

    fn take(&mut self, value: Value) -> Result<(), String> {
        match &mut self.content {
            Content::Sequence(items) => items.push(value),
            Content::Mapping(_, key @ None) => *key = Some(key_text(value)?),
            Content::Mapping(fields, key) => {
                let key = key.take().unwrap_or_default();
                if fields.insert(key.clone(), value).is_some() {
                    return Err(format!("`{key}` is there twice"));
                }
            }
        }
        Ok(())
    }

    fn close(self) -> Value {
        let value = match self.content {
            Content::Sequence(items) => Value::Array(items),
            Content::Mapping(fields, _) => Value::Object(fields),
        };
        call(self.tag, value)
    }
}

fn key_text(key: Value) -> Result<String, String> {
    match key {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        _ => Err("a key must be a text".to_owned()),
    }
}

/// The long name of the intrinsic function that a short tag stands for.
fn function(tag: &Tag) -> Option<String> {
    match (tag.handle.as_str(), tag.suffix.as_str()) {
        ("!", name @ ("Ref" | "Condition")) => Some(name.to_owned()),
        ("!", name) => Some(format!("Fn::{name}")),
        _ => None,
    }
}

fn call(function: Option<String>, argument: Value) -> Value {
    match (function, argument) {
        (None, value) => value,
        // The short form of GetAtt is a text, the long one a list.
        (Some(name), Value::String(text)) if name == "Fn::GetAtt" => {
            let (resource, attribute) = text.split_once('.').unwrap_or((&text, ""));
            json!({ name: [resource, attribute] })
        }
        (Some(name), argument) => json!({ name: argument }),
    }
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if let Some(name) = tag.and_then(function) {
        return call(Some(name), Value::String(text.to_owned()));
    }
    if !matches!(style, ScalarStyle::Plain) || tag.is_some() {
        return Value::String(text.to_owned());
    }
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// YAML's decimal numbers are JSON's; a date such as 2012-10-17 is neither.
fn number(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_functions_and_plain_texts_what_they_look_like() {
        let read = read(
            "a: !Ref X\nb: !GetAtt T.Arn\nc: !If [C, 1, !Ref AWS::NoValue]\nd: \"7\"\ne: 2012-10-17\nf: { g: true }\nh: >-\n  one\n  two\n",
        );
        let expected = json!({
            "a": {"Ref": "X"}, "b": {"Fn::GetAtt": ["T", "Arn"]},
            "c": {"Fn::If": ["C", 1, {"Ref": "AWS::NoValue"}]},
            "d": "7", "e": "2012-10-17", "f": {"g": true}, "h": "one two",
        });
        assert_eq!(read.ok(), Some(expected));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_line() {
        let said = |text| read(text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said("a: 1\nb: [").contains("line "), "{}", said("a: 1\nb: ["));
        assert!(said("a: 1\na: 2").contains("`a` is there twice"), "{}", said("a: 1\na: 2"));
    }
}
