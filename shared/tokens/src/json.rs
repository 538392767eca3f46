//! JSON without ambiguity: RFC 8259 does not define the meaning of repeated members.

use std::{collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor},
};

/// Parses one JSON *object*. Returns `None` for other values (serde accepts an array for a struct), and for
/// objects that repeat a member at any depth.
pub(crate) fn read_object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    if !is_unambiguous_object(json) {
        return None;
    }
    serde_json::from_slice(json).ok()
}

/// Returns whether `json` is one object without repeated members at any depth.
pub(crate) fn is_unambiguous_object(json: &[u8]) -> bool {
    json.first() == Some(&b'{') && serde_json::from_slice::<Unambiguous>(json).is_ok()
}

/// Any JSON without repeated members. The value is not kept.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without duplicate members")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value::<Self>()?;
            if !names.insert(name) {
                return Err(A::Error::custom("duplicate member"));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads(json: &str) -> bool {
        read_object::<serde_json::Value>(json.as_bytes()).is_some()
    }

    #[test]
    fn an_object_is_read() {
        assert!(reads(r#"{"a":null,"b":[true,-1,1,1.5,"x"],"c":{"a":{"b":{}}}}"#));
    }

    #[test]
    fn a_repeated_member_is_refused_at_any_depth_and_in_any_spelling() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"a":2}}"#,
            r#"{"x":[{"a":1,"a":2}]}"#,
        ] {
            assert!(!reads(json), "{json}");
        }
    }

    #[test]
    fn values_other_than_objects_are_refused() {
        for json in ["", "[]", "1", "null", "\"a\"", " {}", "{} x", "{", "{\"a\":\"\u{1}\"}"] {
            assert!(!reads(json), "{json}");
        }
        assert!(read_object::<serde_json::Value>(&[b'{', b'"', 0xff, b'"', b':', b'1', b'}']).is_none());
        let deep = format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000));
        assert!(!reads(&deep), "nested beyond the parser's limit");
    }
}
