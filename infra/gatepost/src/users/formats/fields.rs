//! The fields of a row from JSON or CSV.

use ::time::{OffsetDateTime, format_description::well_known::Rfc2822};
use domain::Timestamp;
use serde_json::{Map, Value};

use super::super::record::{Record, Wrong};

/// In seconds this is the year 5138, so greater numbers are milliseconds.
const MILLIS_FROM: i64 = 100_000_000_000;
/// The end of the year 9999, the last one in RFC 3339.
const MAX_MILLIS: i64 = 253_402_300_799_999;

pub(super) struct Fields<'row>(pub(super) &'row Map<String, Value>);

impl<'row> Fields<'row> {
    /// Returns a value, unless it is null or an empty text.
    pub(super) fn value(&self, name: &str) -> Option<&'row Value> {
        let is_empty = |value: &Value| value.as_str().is_some_and(|text| text.trim().is_empty());
        self.0.get(name).filter(|value| !value.is_null() && !is_empty(value))
    }

    /// Returns a trimmed text, or a number as text.
    pub(super) fn text(&self, name: &'static str) -> Result<Option<String>, Wrong> {
        self.value(name).map(|value| plain(value).ok_or(Wrong::Kind(name))).transpose()
    }

    /// Returns a language tag. A value of another type becomes a malformed tag, which only loses the locale.
    pub(super) fn locale(&self, name: &'static str) -> Option<String> {
        self.value(name).map(|value| plain(value).unwrap_or_else(|| value.to_string()))
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, Wrong> {
        let flag = |value: &Value| match plain(value)?.to_lowercase().as_str() {
            "true" | "t" | "1" | "yes" | "y" => Some(true),
            "false" | "f" | "0" | "no" | "n" => Some(false),
            _ => None,
        };
        let read = |value: &Value| value.as_bool().or_else(|| flag(value)).ok_or(Wrong::Flag(name));
        self.value(name).map(read).transpose()
    }

    /// Returns a time in RFC 3339, in the notation of `PostgreSQL` or of mails, or in seconds or milliseconds
    /// since 1970.
    pub(super) fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, Wrong> {
        let read = |value: &Value| plain(value).and_then(|text| moment(&text)).ok_or(Wrong::Time(name));
        self.value(name).map(read).transpose()
    }

    /// Returns an object within the row. In CSV it is JSON in a cell.
    pub(super) fn object(&self, name: &'static str) -> Result<Option<Map<String, Value>>, Wrong> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object.clone())),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| Wrong::Kind(name)),
            Some(_) => Err(Wrong::Kind(name)),
        }
    }

    /// Returns a list of texts. In CSV they are separated by `;`.
    pub(super) fn texts(&self, name: &'static str) -> Result<Vec<String>, Wrong> {
        match self.value(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) => {
                let text = |value: &Value| value.as_str().map(str::to_owned).ok_or(Wrong::Kind(name));
                list.iter().map(text).collect()
            }
            Some(Value::String(text)) => {
                let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
                Ok(parts.map(str::to_owned).collect())
            }
            Some(_) => Err(Wrong::Kind(name)),
        }
    }
}

/// Returns a text or a number as text, also from the extended JSON of `MongoDB` in Auth0's exports.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Object(typed) => {
            let inner = ["$oid", "$date", "$numberLong"].iter().find_map(|kind| typed.get(*kind));
            inner.filter(|_| typed.len() == 1).and_then(plain)
        }
        _ => None,
    }
}

impl Record {
    /// Sets first and last name, or derives them from the full name, whose last word is the last name.
    pub(super) fn named(
        mut self,
        first: Option<String>,
        last: Option<String>,
        whole: Option<String>,
    ) -> Self {
        let is_address = |name: &String| name.contains('@');
        (self.first_name, self.last_name) = match (first, last, whole.filter(|name| !is_address(name))) {
            (None, None, Some(whole)) => match whole.rsplit_once(' ') {
                Some((first, last)) => (Some(first.trim().to_owned()), Some(last.to_owned())),
                None => (Some(whole), None),
            },
            (first, last, _) => (first, last),
        };
        self
    }
}

/// Returns the milliseconds of a number in seconds or milliseconds, with or without a fraction.
fn millis(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let whole: i64 = whole.parse().ok()?;
    if fraction.is_empty() || !fraction.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    if whole.abs() >= MILLIS_FROM {
        return Some(whole);
    }
    let thousandths: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    Some(whole * 1_000 + sign * thousandths)
}

fn moment(text: &str) -> Option<Timestamp> {
    if let Some(millis) = millis(text) {
        return (-MAX_MILLIS..=MAX_MILLIS).contains(&millis).then(|| Timestamp::from_millis(millis));
    }
    if let Ok(time) = OffsetDateTime::parse(text, &Rfc2822) {
        return Some(Timestamp::from_millis(time.unix_timestamp() * 1_000));
    }
    let (date, time) = text.split_once(['T', ' '])?;
    let time = time.trim_end_matches(" UTC");
    let zone = time.find(['Z', '+', '-']).map_or("", |at| &time[at..]);
    let clock = time.strip_suffix(zone)?.trim_end();
    let zone = match zone.len() {
        0 => "Z".to_owned(),
        3 => format!("{zone}:00"),
        5 => format!("{}:{}", zone.get(..3)?, zone.get(3..)?),
        _ => zone.to_owned(),
    };
    format!("{date}T{clock}{zone}").parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_parsed_in_the_formats_of_all_systems() {
        for text in [
            "2025-11-21T03:00:00.25Z",
            "2025-11-21T04:00:00.250+01:00",
            "2025-11-21 03:00:00.25+00",
            "2025-11-21 03:00:00.25+0000",
            "2025-11-21 03:00:00.25 UTC",
            "2025-11-21 03:00:00.25",
            "1763694000250",
            "1763694000250.75",
            "1763694000.25",
            "1763694000.2500009",
        ] {
            assert_eq!(moment(text), Some(Timestamp::from_millis(1_763_694_000_250)), "{text}");
        }
        for text in ["1763694000", "1763694000.0", "Fri, 21 Nov 2025 03:00:00 GMT"] {
            assert_eq!(moment(text), Some(Timestamp::from_millis(1_763_694_000_000)), "{text}");
        }
        assert_eq!(moment("-0.25"), Some(Timestamp::from_millis(-250)));
        for text in [
            "",
            "yesterday",
            "2025-11-21",
            "21/11/2025 03:00",
            "2025-11-21Tü+",
            "2025-11-21 0é+ab",
            "1763694000.",
            "1763694000.2x",
            "1763694000,25",
            "1.763694E+09",
            "1763694000250000",
            "NaN",
        ] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_an_error_and_never_a_default() {
        let row = json!({"a": "perhaps", "b": 2, "c": [true], "d": {"x": 1}, "e": "", "f": null, "g": "F"});
        let fields = Fields(row.as_object().expect("an object"));

        for name in ["a", "b", "c", "d"] {
            assert_eq!(fields.flag(name), Err(Wrong::Flag(name)), "{name}");
        }
        for name in ["a", "c", "d", "g"] {
            assert_eq!(fields.moment(name), Err(Wrong::Time(name)), "{name}");
        }
        for name in ["c", "d"] {
            assert_eq!(fields.text(name), Err(Wrong::Kind(name)), "{name}");
        }
        for name in ["e", "f", "h"] {
            let nothing = (fields.flag(name), fields.moment(name), fields.text(name));
            assert_eq!(nothing, (Ok(None), Ok(None), Ok(None)), "{name}");
        }
        assert_eq!(fields.flag("g"), Ok(Some(false)));
    }
}
