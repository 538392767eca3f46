//! A whole system in a file, with one JSON object a line. The first line has the format, the last one counts
//! and checksums, so that a truncated file is noticed. Each other line is an item with its checksum.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use domain::Timestamp;
use serde_json::{Value, json};
use store::{RawItem, Table};

use super::sums::Sums;
use crate::error::CliError;

const FORMAT: &str = "gatepost-data";
const VERSION: u64 = 1;
/// An item has up to 400 KB, and a character takes up to six bytes in JSON.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// A file that is being written, under another name until it is complete.
pub(crate) struct Writer {
    path: PathBuf,
    unfinished: PathBuf,
    output: BufWriter<File>,
    sums: Sums,
}

/// The items of a file. Each is checked, and the end of the file too.
pub(crate) struct Lines {
    path: PathBuf,
    input: BufReader<File>,
    line: u64,
    sums: Sums,
    is_over: bool,
}

impl Writer {
    pub(crate) fn create(path: &Path, now: Timestamp) -> Result<Self, CliError> {
        let failed = |error| CliError::File(path.to_owned(), error);
        if path.exists() {
            return Err(CliError::Exists(path.to_owned()));
        }
        let unfinished = path.with_added_extension("unfinished");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false);
        // The file contains password hashes.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&unfinished).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CliError::BeingWritten(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Removes the beginning that an interrupted copy has written.
        file.set_len(0).map_err(failed)?;
        let mut writer =
            Self { path: path.to_owned(), unfinished, output: BufWriter::new(file), sums: Sums::default() };
        writer.line(&json!({"format": FORMAT, "version": VERSION, "created_at": now.to_string()}))?;
        Ok(writer)
    }

    /// Returns the path of the file before it is renamed.
    pub(crate) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    pub(crate) fn write(&mut self, item: &RawItem) -> Result<(), CliError> {
        self.sums.add(item);
        self.line(&json!({"table": item.table().name(), "sha256": beginning(item), "item": item.json()}))
    }

    /// Writes the end of the file.
    pub(crate) fn end(&mut self) -> Result<(), CliError> {
        self.line(&json!({"end": self.sums.json()}))?;
        let written = self.output.flush().and_then(|()| self.output.get_ref().sync_all());
        written.map_err(|error| CliError::File(self.unfinished.clone(), error))
    }

    /// Renames the file to its final path.
    pub(crate) fn finish(self) -> Result<Sums, CliError> {
        fs::rename(&self.unfinished, &self.path).map_err(|error| CliError::File(self.path.clone(), error))?;
        Ok(self.sums)
    }

    fn line(&mut self, line: &Value) -> Result<(), CliError> {
        let written = writeln!(self.output, "{line}");
        written.map_err(|error| CliError::File(self.unfinished.clone(), error))
    }
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, CliError> {
        let file = File::open(path).map_err(|error| CliError::File(path.to_owned(), error))?;
        let mut lines = Self {
            path: path.to_owned(),
            input: BufReader::new(file),
            line: 0,
            sums: Sums::default(),
            is_over: false,
        };
        let head = lines.read()?;
        match (head["format"].as_str(), head["version"].as_u64()) {
            (Some(FORMAT), Some(VERSION)) => Ok(lines),
            (Some(FORMAT), _) => Err(lines.wrong("has a version that this build cannot read")),
            _ => Err(lines.wrong("is not the first line of a copy")),
        }
    }

    /// Reads the whole file, and returns its counts and checksums.
    pub(crate) fn check(path: &Path) -> Result<Sums, CliError> {
        let mut lines = Self::open(path)?;
        lines.try_for_each(|item| item.map(drop))?;
        Ok(lines.sums)
    }

    fn read(&mut self) -> Result<Value, CliError> {
        let mut text = Vec::new();
        let read = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text);
        read.map_err(|error| CliError::File(self.path.clone(), error))?;
        self.line += 1;
        if text.is_empty() {
            return Err(self.wrong("is missing: the file is truncated"));
        }
        if text.pop() != Some(b'\n') {
            return Err(self.wrong("is incomplete: the file is truncated"));
        }
        serde_json::from_slice(&text).map_err(|_| self.wrong("is not JSON"))
    }

    fn item(&mut self) -> Result<Option<RawItem>, CliError> {
        let line = self.read()?;
        if !line["end"].is_null() {
            return self.end(&line["end"]).map(|()| None);
        }
        let table = Table::ALL.into_iter().find(|table| line["table"] == table.name());
        let table = table.ok_or_else(|| self.wrong("has no table"))?;
        let item = RawItem::of_json(table, &line["item"]).map_err(|_| self.wrong("is not an item"))?;
        if line["sha256"] != *beginning(&item) {
            return Err(self.wrong("has a wrong checksum"));
        }
        self.sums.add(&item);
        Ok(Some(item))
    }

    fn end(&mut self, said: &Value) -> Result<(), CliError> {
        self.is_over = true;
        if *said != self.sums.json() {
            return Err(self.wrong("does not match the items before it"));
        }
        if !self.input.fill_buf().map_err(|error| CliError::File(self.path.clone(), error))?.is_empty() {
            self.line += 1;
            return Err(self.wrong("comes after the end"));
        }
        Ok(())
    }

    fn wrong(&self, what: &'static str) -> CliError {
        CliError::Line(self.path.clone(), self.line, what)
    }
}

impl Iterator for Lines {
    type Item = Result<RawItem, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.item();
        self.is_over |= item.is_err();
        item.transpose()
    }
}

/// Returns the beginning of an item's digest, which is sufficient to detect accidental changes.
fn beginning(item: &RawItem) -> String {
    item.digest().iter().take(8).fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
