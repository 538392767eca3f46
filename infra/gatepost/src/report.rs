//! The output of commands: text or JSON on standard output, progress and questions on standard error.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write as _},
    time::Duration,
};

use domain::Timestamp;
use serde_json::Value;

use crate::console::{say, shown};

/// If standard error is not a terminal, progress is printed after this many items.
const LINE_AFTER: u64 = 10_000;

/// The format of the output.
pub(crate) struct Report {
    json: bool,
    pub(crate) dry_run: bool,
}

/// Counts finished items.
pub(crate) struct Progress {
    what: &'static str,
    done: Cell<u64>,
    is_watched: bool,
}

impl Report {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json, dry_run: false }
    }

    pub(crate) const fn dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// Prints a line, unless the output is JSON.
    pub(crate) fn line(&self, text: &str) {
        if !self.json {
            say(&shown(text));
        }
    }

    /// Returns the beginning of a change's line: `requeued`, or `would requeue`.
    pub(crate) fn did(&self, done: &str, would: &str) -> String {
        if self.dry_run { format!("would {would}") } else { done.to_owned() }
    }

    /// Prints the document, if the output is JSON.
    pub(crate) fn document(&self, mut document: Value) {
        if self.json {
            document["dry_run"] = self.dry_run.into();
            say(&document.to_string());
        }
    }

    /// Returns whether the operator has confirmed an irreversible action, with `--yes` or by an answer. A dry
    /// run needs no confirmation.
    pub(crate) fn is_confirmed(&self, yes: bool, question: &str) -> io::Result<bool> {
        if yes || self.dry_run {
            return Ok(true);
        }
        if !io::stdin().is_terminal() {
            eprintln!("gatepost: {question} stdin is not a terminal; pass --yes to confirm");
            return Ok(false);
        }
        eprint!("{question} [y/N] ");
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

impl Progress {
    /// Creates the progress of long work that counts `what`, e.g. `events`.
    pub(crate) fn of(what: &'static str) -> Self {
        Self { what, done: Cell::new(0), is_watched: io::stderr().is_terminal() }
    }

    pub(crate) fn add(&self, more: usize) {
        let before = self.done.get();
        let now = before + more as u64;
        self.done.set(now);
        if self.is_watched {
            eprint!("\r{now} {}", self.what);
        } else if before / LINE_AFTER < now / LINE_AFTER {
            eprintln!("{now} {}", self.what);
        }
    }
}

impl Drop for Progress {
    /// Clears the line for the next output.
    fn drop(&mut self) {
        if self.is_watched {
            eprint!("\r\u{1b}[K");
        }
    }
}

/// Formats a duration, e.g. `3 h 20 min`.
pub(crate) fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// Formats an optional time as JSON.
pub(crate) fn moment(moment: Option<Timestamp>) -> Value {
    moment.map_or(Value::Null, |moment| moment.to_string().into())
}
