//! The log besides the lines of invocations: one JSON object a line on standard output, which Lambda sends to
//! CloudWatch. On a terminal it is text.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal, Write},
};

use tracing::Subscriber;
use tracing_subscriber::{filter::LevelFilter, fmt, fmt::MakeWriter, util::SubscriberInitExt};

/// Starts logging. Called once by [`crate::run`].
pub(crate) fn start() {
    // A program that embeds a function may have started logging already, which takes precedence.
    let _ = if io::stdout().is_terminal() {
        text_to(io::stdout).try_init()
    } else {
        log_to(io::stdout).try_init()
    };
}

/// Returns a subscriber that writes the log of functions to `writer`.
pub fn log_to<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let log = fmt().json().flatten_event(true).with_current_span(false).with_span_list(false);
    log.with_max_level(LevelFilter::INFO).with_writer(Lines(writer)).finish()
}

fn text_to<W>(writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    fmt().with_ansi(false).with_max_level(LevelFilter::INFO).with_writer(Lines(writer)).finish()
}

/// Escapes control characters and characters outside of ASCII as in JSON. Some of them end lines or control
/// terminals.
pub(crate) fn ascii(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ' '..='~') {
            escaped.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        }
    }
    escaped
}

/// Creates writers of records that are single lines.
struct Lines<W>(W);

impl<'w, W: MakeWriter<'w>> MakeWriter<'w> for Lines<W> {
    type Writer = OneLine<W::Writer>;

    fn make_writer(&'w self) -> Self::Writer {
        OneLine(self.0.make_writer())
    }
}

/// A writer that turns each record, which is written as a whole and ends with a line feed, into one line.
struct OneLine<W>(W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(record);
        let text = text.strip_suffix('\n').map_or_else(|| text.clone(), Cow::from);
        writeln!(self.0, "{}", ascii(&text))?;
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("unpoisoned").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    const HOSTILE: &str = "a\r\nb\u{1b}[2J\u{9b}31m\u{85}\u{2028}\"},{\"level\":\"ERROR\"}\\n";

    fn written(is_json: bool) -> String {
        let written = Written::default();
        let (to, say) = (written.clone(), || {
            tracing::error!(cause = HOSTILE, "first");
            tracing::error!(cause = %HOSTILE, "second");
        });
        if is_json {
            tracing::subscriber::with_default(log_to(move || to.clone()), say);
        } else {
            tracing::subscriber::with_default(text_to(move || to.clone()), say);
        }
        let bytes = written.0.lock().expect("unpoisoned").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn each_record_is_one_line_regardless_of_its_content() {
        for is_json in [true, false] {
            let written = written(is_json);

            assert_eq!(written.lines().count(), 2, "{written}");
            assert!(written.bytes().all(|byte| byte == b'\n' || (0x20..0x7f).contains(&byte)), "{written}");
        }
        for line in written(true).lines() {
            let line: Value = serde_json::from_str(line).expect("JSON");
            assert_eq!((&line["cause"], &line["level"]), (&HOSTILE.into(), &"ERROR".into()));
        }
    }
}
