//! Bodies: one JSON object, at most 16 KiB, UTF-8. What a parser says is never answered or logged,
//! since it quotes what was sent.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::error::Category;
use zeroize::Zeroizing;

use crate::{FieldProblem, Head, Problem, ProblemType};

const MAX_OCTETS: usize = 16 * 1024;

/// A request without a body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// What a route without a body takes.
pub(crate) fn none<T: DeserializeOwned>() -> Result<T, Problem> {
    object(b"{}")
}

/// Parses a body. `DELETE` may have none, which stands for an empty object.
pub(crate) fn parse<T: DeserializeOwned>(
    head: &Head,
    body: Option<String>,
    is_base64: bool,
) -> Result<T, Problem> {
    let body = Zeroizing::new(body.unwrap_or_default());
    if body.is_empty() && head.method == "DELETE" {
        return none();
    }
    if !is_json(head.content_type.as_deref()) {
        return Err(Problem::of(ProblemType::UnsupportedMediaType));
    }
    // Base64 has four characters for three octets.
    if body.len() > MAX_OCTETS.div_ceil(3) * 4 {
        return Err(Problem::of(ProblemType::PayloadTooLarge));
    }
    let octets = if is_base64 {
        Zeroizing::new(STANDARD.decode(&*body).map_err(|_| Problem::of(ProblemType::MalformedJson))?)
    } else {
        Zeroizing::new(body.as_bytes().to_vec())
    };
    if octets.len() > MAX_OCTETS {
        return Err(Problem::of(ProblemType::PayloadTooLarge));
    }
    object(&octets)
}

fn object<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    // serde takes an array for a struct: only an object is one.
    if octets.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::of(ProblemType::MalformedJson));
    }
    let deserializer = &mut serde_json::Deserializer::from_slice(octets);
    let parsed = serde_path_to_error::deserialize(&mut *deserializer).map_err(|error| {
        if error.inner().classify() == Category::Data {
            Problem::fields(vec![unacceptable(error.path())])
        } else {
            Problem::of(ProblemType::MalformedJson)
        }
    })?;
    deserializer.end().map_err(|_| Problem::of(ProblemType::MalformedJson))?;
    Ok(parsed)
}

/// A field that is missing has no path of its own: its object has.
fn unacceptable(path: &serde_path_to_error::Path) -> FieldProblem {
    // Unknown names are the sender's own text, which is not echoed: they point at their object too.
    let known = |segment: &serde_path_to_error::Segment| match segment {
        serde_path_to_error::Segment::Map { key }
            if key.len() <= 32 && key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') =>
        {
            Some(format!("/{key}"))
        }
        serde_path_to_error::Segment::Seq { index } => Some(format!("/{index}")),
        _ => None,
    };
    FieldProblem {
        pointer: path.iter().map_while(known).collect(),
        code: ProblemType::ValidationFailed.slug(),
        detail: "is not of the right type, or has a field too many, too few or twice".to_owned(),
    }
}

fn is_json(content_type: Option<&str>) -> bool {
    let mut parts = content_type.unwrap_or_default().split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"));
    // JSON is UTF-8 (RFC 8259); a parameter that says something else is a mistake to be told.
    is_json
        && parts.all(|parameter| {
            matches!(parameter.to_ascii_lowercase().as_str(), "charset=utf-8" | "charset=\"utf-8\"" | "")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        email: String,
        name: Option<String>,
    }

    fn refusal(body: &str) -> ProblemType {
        object::<Wanted>(body.as_bytes()).expect_err("a refusal").kind()
    }

    #[test]
    fn only_one_object_with_the_known_fields_is_taken() {
        assert!(object::<Wanted>(br#" {"email":"a","name":null} "#).is_ok());
        for malformed in [
            "",
            "[\"a\",null]",
            "\"a\"",
            "null",
            "{",
            "{\"email\":\"a\"}{}",
            "{\"email\":\"a\",}",
            "{\"email\":\"\u{0}\"}",
        ] {
            assert_eq!(refusal(malformed), ProblemType::MalformedJson, "{malformed:?}");
        }
        assert_eq!(
            object::<Wanted>(b"{\"email\":\"\xff\"}").expect_err("a refusal").kind(),
            ProblemType::MalformedJson
        );
        for unacceptable in ["{}", r#"{"email":1}"#, r#"{"email":"a","x":1}"#, r#"{"email":"a","email":"b"}"#]
        {
            assert_eq!(refusal(unacceptable), ProblemType::ValidationFailed, "{unacceptable}");
        }
    }

    #[test]
    fn a_content_type_other_than_json_is_refused() {
        for json in ["application/json", "Application/JSON; charset=UTF-8", "application/json;"] {
            assert!(is_json(Some(json)), "{json}");
        }
        for other in
            [None, Some("text/plain"), Some("application/jsonp"), Some("application/json; charset=latin1")]
        {
            assert!(!is_json(other), "{other:?}");
        }
    }
}
