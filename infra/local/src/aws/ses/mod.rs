//! SES: keeps mails instead of sending them.

pub(super) mod simulator;

use std::sync::{Mutex, PoisonError};

use cloud::{Clock, Random};
use domain::Timestamp;
use dynoxide::DynoxideError;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast;

use super::answer::Answer;
use crate::{
    activity::{Mail, News},
    storage::{Journal, Shown},
};

const LIST: &str = "mails";

/// The mails that were sent.
pub(crate) struct Mailbox {
    journal: Journal,
    clock: Clock,
    news: broadcast::Sender<News>,
    shown: Mutex<Shown>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SendEmail {
    from_email_address: Option<String>,
    destination: Option<Destination>,
    content: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    #[serde(default)]
    to_addresses: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    simple: Option<Simple>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Simple {
    subject: Part,
    body: Body,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    text: Option<Part>,
    html: Option<Part>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    data: String,
}

impl Mailbox {
    pub(crate) fn open(
        journal: &Journal,
        clock: Clock,
        news: broadcast::Sender<News>,
        newest: Option<u64>,
    ) -> Result<Self, DynoxideError> {
        let shown = Mutex::new(Shown::open(journal, LIST, newest)?);
        Ok(Self { journal: journal.clone(), clock, news, shown })
    }

    /// Answers `SendEmail`.
    pub(crate) fn send_email(&self, body: &[u8]) -> Answer {
        let Ok(request) = serde_json::from_slice::<SendEmail>(body) else {
            return Answer::refusal(400, "BadRequestException", "The request cannot be read.");
        };
        let Some(mail) = self.mail(request) else {
            let message = "A mail needs a sender, a recipient and simple content.";
            return Answer::refusal(400, "BadRequestException", message);
        };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = serde_json::to_value(&mail).unwrap_or_default();
        if self.journal.commit(shown.changes(vec![entry])).is_err() {
            return Answer::refusal(500, "InternalFailure", "The mail could not be stored.");
        }
        shown.advance(1);
        let answer = Answer::json(&json!({"MessageId": mail.id}));
        let _ = self.news.send(News::Mail(mail));
        answer
    }

    fn mail(&self, request: SendEmail) -> Option<Mail> {
        let Simple { subject, body } = request.content.simple?;
        let to = request.destination.map(|to| to.to_addresses).filter(|to| !to.is_empty())?;
        let text = body.text.map(|text| text.data).unwrap_or_default();
        Some(Mail {
            id: Random::system().uuid().to_string(),
            to,
            from: request.from_email_address?,
            subject: subject.data,
            links: links(&text),
            text,
            html: body.html.map(|html| html.data),
            sent_at: self.clock.now().to_string(),
        })
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The mails that are kept, in order.
    pub(crate) fn mails(&self) -> Result<Vec<Mail>, DynoxideError> {
        let entries = self.journal.read(LIST)?.into_values();
        Ok(entries.filter_map(|entry| serde_json::from_value(entry).ok()).collect())
    }
}

fn links(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'));
    let links = words.filter(|word| word.starts_with("https://") || word.starts_with("http://"));
    links.map(|link| link.trim_end_matches(['.', ',', ')']).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_wherever_they_stand() {
        let text = "Open http://a.test/x#token=gpl_1 now,\n<https://b.test/y>. Or (https://c.test/z).";
        assert_eq!(links(text), ["http://a.test/x#token=gpl_1", "https://b.test/y"]);
    }
}
