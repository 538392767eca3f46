//! CBOR, which some services speak, from and to the JSON that the others speak. Only what a call or
//! an answer of AWS holds: no bytes, and of numbers what JSON has.

use aws_smithy_cbor::{Decoder, Encoder, data::Type, decode::DeserializeError};
use serde_json::{Map, Value};

/// Reads one value; timestamps become seconds, as in AWS's JSON.
pub(crate) fn to_json(cbor: &[u8]) -> Option<Value> {
    value(&mut Decoder::new(cbor)).ok()
}

fn value(from: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    Ok(match from.datatype()? {
        Type::Map | Type::MapIndef => {
            let mut fields = Map::new();
            let mut left = from.map()?;
            while goes_on(from, &mut left)? {
                fields.insert(from.string()?, value(from)?);
            }
            Value::Object(fields)
        }
        Type::Array | Type::ArrayIndef => {
            let mut items = Vec::new();
            let mut left = from.list()?;
            while goes_on(from, &mut left)? {
                items.push(value(from)?);
            }
            Value::Array(items)
        }
        Type::String | Type::StringIndef => from.string()?.into(),
        Type::Bool => from.boolean()?.into(),
        Type::F32 => from.float()?.into(),
        Type::F64 => from.double()?.into(),
        Type::Tag => from.timestamp()?.as_secs_f64().into(),
        Type::Null => {
            from.null()?;
            Value::Null
        }
        _ => from.long()?.into(),
    })
}

/// Whether there is another entry; takes the mark at the end of one of unknown length.
fn goes_on(from: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, DeserializeError> {
    match left {
        Some(0) => Ok(false),
        Some(left) => {
            *left -= 1;
            Ok(true)
        }
        None if from.datatype()? == Type::Break => from.skip().map(|()| false),
        None => Ok(true),
    }
}

/// Writes one value.
pub(crate) fn of_json(json: &Value) -> Vec<u8> {
    let mut to = Encoder::new(Vec::new());
    write(&mut to, json);
    to.into_writer()
}

fn write(to: &mut Encoder, json: &Value) {
    match json {
        Value::Null => drop(to.null()),
        Value::Bool(value) => drop(to.boolean(*value)),
        Value::Number(value) => match value.as_i64() {
            Some(whole) => drop(to.long(whole)),
            None => drop(to.double(value.as_f64().unwrap_or_default())),
        },
        Value::String(text) => drop(to.str(text)),
        Value::Array(items) => {
            to.array(items.len());
            for item in items {
                write(to, item);
            }
        }
        Value::Object(fields) => {
            to.map(fields.len());
            for (name, value) in fields {
                to.str(name);
                write(to, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let call =
            json!({"Entries": [{"Source": "gatepost", "Ok": true, "Count": -3, "At": 1.5}], "None": null});

        assert_eq!(to_json(&of_json(&call)), Some(call));
    }

    #[test]
    fn lengths_may_come_at_the_end_and_moments_are_seconds() {
        let mut cbor = Encoder::new(Vec::new());
        cbor.begin_map().str("Time").timestamp(&aws_smithy_types::DateTime::from_millis(1_500));
        cbor.str("List").begin_array().integer(7).end().end();

        assert_eq!(to_json(&cbor.into_writer()), Some(json!({"Time": 1.5, "List": [7]})));
    }

    #[test]
    fn what_is_cut_off_is_none() {
        let whole = of_json(&json!({"Entries": ["a", {"b": 1}]}));
        for end in 0..whole.len() {
            assert_eq!(to_json(&whole[..end]), None);
        }
    }
}
