//! SES.

use std::{borrow::Cow, time::Duration};

use aws_sdk_sesv2::{
    Client,
    config::timeout::TimeoutConfig,
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message},
};
use cloud::{Cloud, SettingError};
use domain::Email;
use gatepost_consumer::Unhandled;
use thiserror::Error;

use crate::letter::Letter;

/// A mail that SES takes late and that we send again arrives twice: better to wait.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);

/// Sends mails through SES.
pub(crate) struct Mailer {
    ses: Client,
    from: String,
}

/// SES has not taken a mail. Its own text may name the recipient, so only the code is kept.
#[derive(Debug, Error)]
#[error("SES has not taken the mail: {0}")]
struct NotSent(String);

impl Mailer {
    /// Sends from the address that the setting `MAIL_FROM` names.
    pub(crate) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws_sdk_sesv2::config::Builder::from(cloud.sdk()).timeout_config(timeouts).build();
        Ok(Self { ses: Client::from_conf(config), from: cloud.settings().text("MAIL_FROM")? })
    }

    pub(crate) async fn send(&self, to: &Email, letter: &Letter) -> Result<(), Unhandled> {
        let content = content(letter).map_err(Unhandled::poison)?;
        let destination = Destination::builder().to_addresses(mailable(to)).build();
        let send = self.ses.send_email().from_email_address(&self.from).destination(destination);
        match send.content(content).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(unhandled(&error)),
        }
    }
}

/// The address as its owner wrote it. A domain beyond ASCII is written as A-label: SES takes no other.
fn mailable(email: &Email) -> Cow<'_, str> {
    let written = email.address();
    match (written.split_once('@'), email.canonical().as_str().split_once('@')) {
        (Some((local, domain)), Some((_, a_label))) if !domain.is_ascii() => {
            Cow::Owned(format!("{local}@{a_label}"))
        }
        _ => Cow::Borrowed(written),
    }
}

fn content(letter: &Letter) -> Result<EmailContent, BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&letter.text)?).html(utf8(&letter.html)?).build();
    let message = Message::builder().subject(utf8(&letter.subject)?).body(body).build();
    Ok(EmailContent::builder().simple(message).build())
}

/// Only what SES says of this one mail is final. Whatever it says of the account or the sender
/// changes when somebody repairs it.
fn unhandled(error: &SdkError<SendEmailError>) -> Unhandled {
    let Some(refusal) = error.as_service_error() else {
        return Unhandled::retry(NotSent("no answer".to_owned()));
    };
    let not_sent = NotSent(refusal.code().unwrap_or("unknown").to_owned());
    match refusal {
        SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_) => {
            Unhandled::poison(not_sent)
        }
        _ => Unhandled::retry(not_sent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stays_as_written_but_for_a_domain_beyond_ascii() {
        let cases =
            [("Ada@Example.com", "Ada@Example.com"), ("Ada.L@Bücher.example", "Ada.L@xn--bcher-kva.example")];
        for (written, mailed) in cases {
            assert_eq!(mailable(&Email::parse(written).expect("an address")), mailed);
        }
    }
}
