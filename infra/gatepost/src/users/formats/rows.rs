//! From text to rows: a JSON document with a list of users, a JSON object a line, or CSV.

use std::fmt;

use serde_json::{Map, Value};

use super::super::{UsersError, record::Wrong};

/// The position of a user in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Line(u64),
    /// In a document, whose lines say nothing.
    Entry(u64),
}

pub(super) type Row = Result<Map<String, Value>, Wrong>;
pub(super) type Rows = Vec<(Place, Row)>;

/// Where documents have their users: Keycloak and Firebase, Cognito's `list-users`.
const LISTS: [&str; 2] = ["users", "Users"];

pub(super) fn read(text: &str) -> Result<Rows, UsersError> {
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        Some('{' | '[') => Ok(match serde_json::from_str(text) {
            Ok(Value::Array(list)) => entries(list),
            Ok(Value::Object(mut document)) => match LISTS.iter().find_map(|name| document.remove(*name)) {
                Some(Value::Array(list)) => entries(list),
                _ => lines(text),
            },
            // One object after the other: which line is wrong is told line by line.
            _ => lines(text),
        }),
        Some(_) => table(text),
        None => Err(UsersError::UnknownShape),
    }
}

fn entries(list: Vec<Value>) -> Rows {
    let places = (1..).map(Place::Entry);
    places.zip(list.into_iter().map(object)).collect()
}

fn lines(text: &str) -> Rows {
    let lines = (1..).map(Place::Line).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let read = |line: &str| serde_json::from_str(line).map_or(Err(Wrong::NoObject), object);
    lines.map(|(place, line)| (place, read(line))).collect()
}

fn object(value: Value) -> Row {
    if let Value::Object(object) = value { Ok(object) } else { Err(Wrong::NoObject) }
}

/// Reads CSV (RFC 4180): each row becomes an object of texts.
fn table(text: &str) -> Result<Rows, UsersError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().map_err(|_| UsersError::UnknownShape)?.clone();
    if !header.iter().any(|name| name.trim() == "email") {
        return Err(UsersError::UnknownShape);
    }
    let mut rows = Rows::new();
    for row in reader.into_records() {
        let row = row.map_err(|_| UsersError::UnknownShape)?;
        let place = Place::Line(row.position().map_or(0, csv::Position::line));
        let cells = || header.iter().zip(&row).map(|(name, text)| (name.trim().to_owned(), cell(text)));
        let is_whole = row.len() == header.len();
        rows.push((place, if is_whole { Ok(cells().collect()) } else { Err(Wrong::Columns) }));
    }
    Ok(rows)
}

/// Reads a cell: databases write the absence of a value in several ways.
fn cell(text: &str) -> Value {
    match text.trim() {
        "" | "null" | "NULL" | r"\N" => Value::Null,
        _ => text.into(),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Entry(number) => write!(f, "entry {number}"),
        }
    }
}
