//! The rows of a file: a JSON document with a list of users, one JSON object a line, or CSV.

use std::{
    fmt,
    io::{self, BufRead, Read},
    path::Path,
};

use serde_json::{Map, Value};

use super::{document, stable_file::StableFile};
use crate::{error::CliError, users::record::Wrong};

/// The position of a user in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Line(u64),
    /// The number in a document, where lines have no meaning.
    Entry(u64),
}

pub(super) type Row = Result<Map<String, Value>, Wrong>;

/// The rows of a file. Each visit reads the file again.
pub(super) struct Rows {
    file: StableFile,
    shape: Shape,
}

#[derive(Clone, Copy)]
enum Shape {
    /// A JSON list, or a JSON object with a list.
    Document,
    /// One JSON object a line.
    Lines,
    /// CSV with a header.
    Table,
}

impl Rows {
    /// Opens a file and detects its shape.
    pub(super) fn open(path: &Path) -> Result<Self, CliError> {
        let mut file = StableFile::open(path)?;
        let shape = match first_character(&mut file)? {
            // In a sequence of objects, errors have line numbers.
            Some(b'{' | b'[') if document::visit(&mut file, &mut |_, _| Ok(()))? => Shape::Document,
            Some(b'{' | b'[') => Shape::Lines,
            Some(_) => Shape::Table,
            None => return Err(CliError::UnknownShape),
        };
        Ok(Self { file, shape })
    }

    /// Calls `each` with every row in sequence, until the first error.
    pub(super) fn visit(
        &mut self,
        each: &mut dyn FnMut(Place, Row) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        match self.shape {
            Shape::Document => document::visit(&mut self.file, each).map(drop),
            Shape::Lines => lines(&mut self.file, each),
            Shape::Table => table(&mut self.file, each),
        }
    }
}

pub(super) fn object(value: Value) -> Row {
    if let Value::Object(object) = value { Ok(object) } else { Err(Wrong::NoObject) }
}

fn first_character(file: &mut StableFile) -> Result<Option<u8>, CliError> {
    let mut reading = file.read()?;
    let first = without_mark(&mut reading).and_then(|()| {
        reading.bytes().find(|byte| !byte.as_ref().is_ok_and(u8::is_ascii_whitespace)).transpose()
    });
    first.map_err(|error| file.failed(error))
}

/// Skips the byte order mark of UTF-8.
pub(super) fn without_mark(reading: &mut impl BufRead) -> io::Result<()> {
    const MARK: &[u8] = "\u{feff}".as_bytes();
    if reading.fill_buf()?.starts_with(MARK) {
        reading.consume(MARK.len());
    }
    Ok(())
}

fn lines(
    file: &mut StableFile,
    each: &mut dyn FnMut(Place, Row) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut reading = file.read()?;
    let (mut line, mut number, mut outcome) = (String::new(), 0, without_mark(&mut reading));
    while outcome.is_ok() {
        line.clear();
        match reading.read_line(&mut line) {
            Ok(0) => return Ok(()),
            Ok(_) => number += 1,
            Err(error) => outcome = Err(error),
        }
        if outcome.is_ok() && !line.trim().is_empty() {
            let row = serde_json::from_str(&line).map_or(Err(Wrong::NoObject), object);
            each(Place::Line(number), row)?;
        }
    }
    outcome.map_err(|error| file.failed(error))
}

/// Parses CSV (RFC 4180). Each row becomes an object of texts.
fn table(
    file: &mut StableFile,
    each: &mut dyn FnMut(Place, Row) -> Result<(), CliError>,
) -> Result<(), CliError> {
    let mut reading = file.read()?;
    if let Err(error) = without_mark(&mut reading) {
        return Err(file.failed(error));
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reading);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) => return Err(table_failed(file, error)),
    };
    if !header.iter().any(|name| name.trim() == "email") {
        return Err(CliError::UnknownShape);
    }
    let mut row = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => return Err(table_failed(file, error)),
        }
        let place = Place::Line(row.position().map_or(0, csv::Position::line));
        let cells = || header.iter().zip(&row).map(|(name, text)| (name.trim().to_owned(), cell(text)));
        let is_whole = row.len() == header.len();
        each(place, if is_whole { Ok(cells().collect()) } else { Err(Wrong::Columns) })?;
    }
}

fn table_failed(file: &StableFile, error: csv::Error) -> CliError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => file.failed(error),
        csv::ErrorKind::Utf8 { err, .. } => file.failed(io::Error::new(io::ErrorKind::InvalidData, err)),
        _ => CliError::UnknownShape,
    }
}

/// Parses a cell. Databases have several notations for a missing value.
fn cell(text: &str) -> Value {
    match text.trim() {
        "" | "null" | "NULL" | r"\N" => Value::Null,
        _ => text.into(),
    }
}

impl Place {
    /// Returns the position of another user in the same file.
    pub(crate) const fn with_number(self, number: u64) -> Self {
        match self {
            Self::Line(_) => Self::Line(number),
            Self::Entry(_) => Self::Entry(number),
        }
    }

    pub(crate) const fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::Entry(number) => number,
        }
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
