//! The output of `gatepost dev`: mails and events as they occur.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal, Write as _},
    path::PathBuf,
};

use domain::Canary;
use local::{Mail, News, Published, template::Template};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::dev::SHOWN;

/// Standard output, with colours on a terminal.
pub(crate) struct Console {
    colours: bool,
}

/// The ANSI codes in use.
#[derive(Clone, Copy)]
enum Style {
    Bold = 1,
    Dim = 2,
    Red = 31,
    Green = 32,
    Cyan = 36,
}

impl Console {
    pub(crate) fn new() -> Self {
        // See https://no-color.org: the variable is set and not empty.
        let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { colours: io::stdout().is_terminal() && !unwanted }
    }

    pub(crate) fn greet(&self, url: &str, data: Option<&PathBuf>, template: &Template) {
        let data = data.map_or_else(|| "memory".to_owned(), |folder| folder.display().to_string());
        let mut text = format!(
            "{} {}  {} functions, {} routes, data in {data}\n\n",
            self.styled(Style::Bold, "Gatepost runs at"),
            self.styled(Style::Cyan, url),
            template.functions.len(),
            template.routes.len(),
        );
        let _ = write!(
            text,
            "Try:\n  curl {url}/v1/registrations -H 'content-type: application/json' \\\n    -d '{{\"email\": \"ada@example.com\", \"password\": \"correct horse battery staple\"}}'\n"
        );
        let _ = write!(
            text,
            "then open the link of the mail that will be shown here.\n{}\n",
            self.styled(
                Style::Dim,
                &format!(
                    "Mails: {url}/_local/mail   Events: {url}/_local/events (the last {SHOWN})   End: Ctrl-C"
                )
            ),
        );
        say(&text);
    }

    /// Prints mails and events, forever.
    pub(crate) async fn follow(&self, mut news: Receiver<News>) {
        loop {
            match news.recv().await {
                Ok(News::Mail(mail)) => say(&self.mail(&mail)),
                // A canary is sent each minute and carries no information.
                Ok(News::Event(event)) if event.source == Canary::SOURCE => {}
                Ok(News::Event(event)) => say(&self.event(&event)),
                Ok(News::Trouble(what)) => {
                    say(&format!("{} {}", self.styled(Style::Red, "trouble"), shown(&what)));
                }
                Err(RecvError::Lagged(missed)) => say(&format!("… {missed} mails and events not shown")),
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }

    fn mail(&self, mail: &Mail) -> String {
        let mut text = format!(
            "{} {}  {}",
            self.styled(Style::Green, "mail "),
            shown(&mail.to.join(", ")),
            self.styled(Style::Bold, &mail.subject)
        );
        for link in &mail.links {
            let _ = write!(text, "\n      {}", self.styled(Style::Cyan, link));
        }
        text
    }

    fn event(&self, event: &Published) -> String {
        let subject = event.detail["subject"].as_str().unwrap_or_default();
        let data = &event.detail["data"];
        let kind = self.styled(Style::Bold, &event.detail_type);
        format!(
            "{} {kind}  {}",
            self.styled(Style::Cyan, "event"),
            self.styled(Style::Dim, &format!("{subject} {data}"))
        )
    }

    fn styled(&self, style: Style, text: &str) -> String {
        let text = shown(text);
        if self.colours { format!("\u{1b}[{}m{text}\u{1b}[0m", style as u8) } else { text }
    }
}

/// Prints whole lines in one write. Errors are ignored, because the reader may have closed the pipe.
pub(crate) fn say(text: &str) {
    let mut output = io::stdout().lock();
    let _ = writeln!(output, "{text}").and_then(|()| output.flush());
}

/// Replaces control characters, which must not reach the terminal from other people's texts.
pub(crate) fn shown(text: &str) -> String {
    text.replace(char::is_control, "?")
}
