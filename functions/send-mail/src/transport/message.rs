//! Mails in the format of RFC 5322, for transports that take raw messages.

use cloud::{Clock, Random};
use domain::Timestamp;
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart,
        header::{Date, HeaderName, HeaderValue},
    },
};
use std::time::{Duration, SystemTime};
use thiserror::Error;

use crate::templates::Mail;

/// Writes messages from one sender.
pub(super) struct Writer {
    pub(super) from: Address,
    pub(super) clock: Clock,
    pub(super) random: Random,
}

/// The address or the text cannot be written. The error contains neither.
#[derive(Debug, Error)]
#[error("cannot write the mail as a message")]
pub(super) struct MessageError;

impl Writer {
    pub(super) fn write(&self, to: &str, mail: &Mail) -> Result<Message, MessageError> {
        let to: Address = to.parse().map_err(|_| MessageError)?;
        let id = format!("<{}@{}>", self.random.uuid(), self.from.domain());
        // Suppresses automatic replies (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        Message::builder()
            .from(Mailbox::new(None, self.from.clone()))
            .to(Mailbox::new(None, to))
            .subject(&mail.subject)
            .message_id(Some(id))
            .header(Date::new(moment(self.clock.now())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .multipart(MultiPart::alternative_plain_html(mail.text.clone(), mail.html.clone()))
            .map_err(|_| MessageError)
    }
}

fn moment(now: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0))
}
