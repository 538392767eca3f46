//! A whole system in a file: a JSON object a line. The first says the format, the last counts and checksums,
//! so that a file that lost its end is known; each of the others is an item, and its own checksum.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io::{BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

use domain::Timestamp;
use serde_json::{Value, json};
use store::{StoredItem, Table};

use super::sums::Sums;
use crate::error::CliError;

const FORMAT: &str = "gatepost-data";
const VERSION: u64 = 1;
/// An item has 400 KB, and a character takes six in JSON at most.
const LONGEST_LINE: u64 = 4 * 1024 * 1024;

/// A file that is being written: under another name until it is whole.
pub(crate) struct Writer {
    path: PathBuf,
    unfinished: PathBuf,
    output: BufWriter<File>,
    sums: Sums,
}

/// The items of a file, each checked, and its end with them.
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
        // There are password hashes in it.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&unfinished).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(CliError::BeingWritten(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // What an earlier copy has left there.
        file.set_len(0).map_err(failed)?;
        let mut writer =
            Self { path: path.to_owned(), unfinished, output: BufWriter::new(file), sums: Sums::default() };
        writer.line(&json!({"format": FORMAT, "version": VERSION, "created_at": now.to_string()}))?;
        Ok(writer)
    }

    /// Where it is while it has not got its name.
    pub(crate) fn unfinished(&self) -> &Path {
        &self.unfinished
    }

    pub(crate) fn write(&mut self, item: &StoredItem) -> Result<(), CliError> {
        self.sums.add(item);
        self.line(&json!({"table": item.table().name(), "sha256": beginning(item), "item": item.json()}))
    }

    /// Makes the file whole.
    pub(crate) fn end(&mut self) -> Result<(), CliError> {
        self.line(&json!({"end": self.sums.json()}))?;
        let written = self.output.flush().and_then(|()| self.output.get_ref().sync_all());
        written.map_err(|error| CliError::File(self.unfinished.clone(), error))
    }

    /// Gives it its name.
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
            (Some(FORMAT), _) => Err(lines.wrong("is of a version that this build does not read")),
            _ => Err(lines.wrong("is not the head of what `gatepost data copy` writes")),
        }
    }

    /// Reads all of it, and says what the end says.
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
            return Err(self.wrong("is missing: the file has lost its end"));
        }
        if text.pop() != Some(b'\n') {
            return Err(self.wrong("does not end: the file has lost its end"));
        }
        serde_json::from_slice(&text).map_err(|_| self.wrong("is no JSON"))
    }

    fn item(&mut self) -> Result<Option<StoredItem>, CliError> {
        let line = self.read()?;
        if !line["end"].is_null() {
            return self.end(&line["end"]).map(|()| None);
        }
        let table = Table::ALL.into_iter().find(|table| line["table"] == table.name());
        let table = table.ok_or_else(|| self.wrong("is of no table"))?;
        let item = StoredItem::of_json(table, &line["item"]).map_err(|_| self.wrong("is no item"))?;
        if line["sha256"] != *beginning(&item) {
            return Err(self.wrong("is not as it was written: its checksum is another one"));
        }
        self.sums.add(&item);
        Ok(Some(item))
    }

    fn end(&mut self, said: &Value) -> Result<(), CliError> {
        self.is_over = true;
        if *said != self.sums.json() {
            return Err(self.wrong("tells of other items than there are above it"));
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
    type Item = Result<StoredItem, CliError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let item = self.item();
        self.is_over |= item.is_err();
        item.transpose()
    }
}

/// The beginning of an item's digest: enough to know one that was changed by accident.
fn beginning(item: &StoredItem) -> String {
    item.digest().iter().take(8).fold(String::new(), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}
