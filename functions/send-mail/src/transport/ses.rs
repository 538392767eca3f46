//! The transport through SES.

use std::time::Duration;

use aws_sdk_sesv2::{
    Client,
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction},
        timeout::TimeoutConfig,
    },
    error::{BuildError, SdkError},
    operation::send_email::SendEmailError,
    types::{Body, Content, Destination, EmailContent, Message, MessageHeader},
};
use cloud::{AwsError, Cloud, SettingError};
use gatepost_consumer::Unhandled;

use super::SendError;
use crate::templates::Mail;

/// Generous timeouts: SES may accept a mail late, and a retry would send it twice.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(12);

/// Sends mails through SES.
pub(crate) struct Ses {
    client: Client,
    from: String,
    /// The configuration set, which determines where SES reports bounces and complaints.
    configuration_set: String,
}

impl Ses {
    pub(super) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        let config = aws_sdk_sesv2::config::Builder::from(cloud.sdk())
            .retry_partition(cloud.retries())
            .retry_classifier(OnlyIfAnswered)
            .timeout_config(timeouts)
            .build();
        Ok(Self {
            client: Client::from_conf(config),
            from: cloud.settings().text("MAIL_FROM")?,
            configuration_set: cloud.settings().text("MAIL_CONFIGURATION_SET")?,
        })
    }

    pub(super) async fn send(&self, to: &str, mail: &Mail) -> Result<(), Unhandled> {
        let content = content(mail).map_err(Unhandled::poison)?;
        let destination = Destination::builder().to_addresses(to).build();
        let send = self.client.send_email().from_email_address(&self.from).destination(destination);
        let send = send.configuration_set_name(&self.configuration_set).content(content);
        match send.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(unhandled(&error)),
        }
    }
}

/// Retries only requests with a response. A mail whose response is lost may have been sent, so the queue
/// retries it, and counts.
#[derive(Debug)]
struct OnlyIfAnswered;

impl ClassifyRetry for OnlyIfAnswered {
    fn classify_retry(&self, attempt: &InterceptorContext) -> RetryAction {
        match attempt.output_or_error() {
            Some(Err(error)) if error.as_operation_error().is_none() => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "OnlyIfAnswered"
    }
}

fn content(mail: &Mail) -> Result<EmailContent, BuildError> {
    let utf8 = |text: &str| Content::builder().data(text).charset("UTF-8").build();
    let body = Body::builder().text(utf8(&mail.text)?).html(utf8(&mail.html)?).build();
    // Suppresses automatic replies (RFC 3834).
    let automatic = MessageHeader::builder().name("Auto-Submitted").value("auto-generated").build()?;
    let message = Message::builder().subject(utf8(&mail.subject)?).body(body).headers(automatic).build();
    Ok(EmailContent::builder().simple(message).build())
}

/// Only errors about this mail are final. Errors about the account or the sender can be repaired.
fn unhandled(error: &SdkError<SendEmailError>) -> Unhandled {
    let not_sent = SendError { by: "SES", code: AwsError::of(error).into_code().into() };
    match error.as_service_error() {
        Some(SendEmailError::MessageRejected(_) | SendEmailError::BadRequestException(_)) => {
            Unhandled::poison(not_sent)
        }
        _ => Unhandled::retry(not_sent),
    }
}
