//! The fields of a row, whether it comes from JSON or from CSV.

use domain::Timestamp;
use serde_json::{Map, Value};

use super::super::record::{Record, Wrong};

/// Beyond this a number of seconds would be the year 5138: it counts milliseconds.
const MILLIS_FROM: i64 = 100_000_000_000;

pub(super) struct Fields<'row>(pub(super) &'row Map<String, Value>);

impl<'row> Fields<'row> {
    pub(super) fn value(&self, name: &str) -> Option<&'row Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A text that is not empty; a number as it is written.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let text = match self.value(name)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            // MongoDB's way to write ids and dates, which comes through in Auth0's exports.
            Value::Object(typed) => typed.get("$oid").or(typed.get("$date"))?.as_str()?.to_owned(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.value(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => ["true", "t", "1", "yes"].contains(&text.to_lowercase().as_str()),
            Some(Value::Number(number)) => number.as_i64() == Some(1),
            _ => false,
        }
    }

    /// A moment: RFC 3339, `PostgreSQL`'s way to write it, or seconds or milliseconds since 1970.
    pub(super) fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, Wrong> {
        self.text(name).map(|text| moment(&text).ok_or(Wrong::Time(name))).transpose()
    }

    /// An object within the row; in CSV it is JSON in a cell.
    pub(super) fn object(&self, name: &'static str) -> Result<Option<Map<String, Value>>, Wrong> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object.clone())),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text).map(Some).map_err(|_| Wrong::Kind(name)),
            Some(_) => Err(Wrong::Kind(name)),
        }
    }

    /// A list of texts; in CSV they are parted by `;`.
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

impl Record {
    /// Gives first and last name, or what can be told of them from the whole: the last word is the last
    /// name.
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

fn moment(text: &str) -> Option<Timestamp> {
    if let Ok(number) = text.parse::<i64>() {
        let millis = if number.abs() < MILLIS_FROM { number.checked_mul(1_000)? } else { number };
        return Some(Timestamp::from_millis(millis));
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
    use super::*;

    #[test]
    fn a_moment_is_read_as_the_systems_write_it() {
        for text in [
            "2025-11-21T03:00:00.25Z",
            "2025-11-21T04:00:00.250+01:00",
            "2025-11-21 03:00:00.25+00",
            "2025-11-21 03:00:00.25+0000",
            "2025-11-21 03:00:00.25 UTC",
            "2025-11-21 03:00:00.25",
            "1763694000250",
        ] {
            assert_eq!(moment(text), Some(Timestamp::from_millis(1_763_694_000_250)), "{text}");
        }
        assert_eq!(moment("1763694000"), Some(Timestamp::from_millis(1_763_694_000_000)));
        for text in ["", "yesterday", "2025-11-21", "21/11/2025 03:00", "2025-11-21Tü+", "2025-11-21 0é+ab"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
