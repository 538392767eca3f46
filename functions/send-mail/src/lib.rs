//! Sends the mails that events ask for: links that prove an address or permit a new password, notices about
//! changes of an account, and the weekly status report.
//!
//! Link tokens are created here. They exist only in the mail; the table gets their hashes. A late or failed
//! mail does not change any response of the API. The values in a mail come from the table, because an event
//! may omit personal data. Only the device of a reused token comes from the event.

mod digest;
mod letter;
mod links;
mod notices;
mod part;
mod preview;
mod template;
mod templates;
mod transport;
mod words;

use std::{path::Path, str::FromStr, time::Duration};

use cloud::{Clock, Cloud, Function, Invocation, InvocationError, Random, SettingError, chain};
use domain::{Email, Locale};
use gatepost_consumer::{
    BatchFailures, Claim, Consumer, Event, ProcessedEvents, QueueBatch, Unhandled, serve,
};
use store::{Identities, MailCap, StoreError};
use thiserror::Error;

use crate::{letter::Content, links::Pages, part::Part, transport::Transport};
pub use crate::{
    letter::Letter,
    preview::Sample,
    templates::{Mail, Templates, TemplatesError},
};

/// How long sent mails are remembered: twice as long as any link works, and as long as a queue keeps failed
/// messages. Older events cause no mail.
const RECEIPTS_KEPT: Duration = Duration::from_hours(14 * 24);
/// Longer than the timeout of the function.
const LEASE: Duration = Duration::from_mins(1);

/// Sends mails.
pub struct SendMail {
    processed: ProcessedEvents,
    identities: Identities,
    transport: Transport,
    templates: Templates,
    service: String,
    pages: Pages,
    /// The recipient of the status report.
    digest_recipient: Option<Email>,
    clock: Clock,
    random: Random,
}

/// The event has no mail: the rule of the queue is wrong.
#[derive(Debug, Error)]
#[error("no mail exists for this event")]
struct NoMail;

/// Another copy of the event is being handled.
#[derive(Debug, Error)]
#[error("another copy of the event is being mailed")]
struct Elsewhere;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable, or a template is.
pub fn function(cloud: &Cloud) -> Result<SendMail, SettingError> {
    let (identities, settings) = (Identities::new(cloud)?, cloud.settings());
    let table = settings.text("RECEIPTS_TABLE")?;
    let folder = settings.optional("MAIL_TEMPLATES").map(Path::new);
    let unusable =
        |error: TemplatesError| SettingError::of("MAIL_TEMPLATES", format!("is not usable: {error}"));
    Ok(SendMail {
        processed: ProcessedEvents::new(identities.client(), table, RECEIPTS_KEPT, LEASE),
        identities,
        transport: Transport::new(cloud)?,
        templates: Templates::read(folder).map_err(unusable)?,
        service: settings.text("SERVICE_NAME")?,
        pages: Pages::new(settings)?,
        digest_recipient: digest::recipient(settings)?,
        clock: cloud.clock(),
        random: cloud.random(),
    })
}

impl Function for SendMail {
    type Event = QueueBatch;
    type Answer = BatchFailures;

    async fn call(
        &self,
        batch: QueueBatch,
        invocation: Invocation,
    ) -> Result<BatchFailures, InvocationError> {
        Ok(serve(self, batch, invocation.deadline.left()).await)
    }
}

impl Consumer for SendMail {
    async fn on(&self, event: Event) -> Result<(), Unhandled> {
        let parts = Part::of_event(&event.kind).ok_or_else(|| Unhandled::poison(NoMail))?;
        if self.processed.may_have_forgotten(&event, self.clock.now().millis()) {
            tracing::warn!(event_id = event.id, "skipped an event that is too old to be mailed");
            return Ok(());
        }
        let mut outcome = Ok(());
        for part in parts {
            // A failed mail does not stop the others: a new address that makes its mail fail must not prevent
            // the notice to the old one.
            outcome = outcome.and(self.once(&event, *part).await);
        }
        outcome
    }
}

impl SendMail {
    /// Sends one mail of an event, unless it has been sent already.
    async fn once(&self, event: &Event, part: Part) -> Result<(), Unhandled> {
        let now = self.clock.now().millis();
        let lease = match self.processed.claim(event, part.name(), now).await? {
            Claim::Acquired(lease) => lease,
            Claim::AlreadyProcessed => return Ok(()),
            Claim::InProgress => return Err(Unhandled::retry(Elsewhere)),
        };
        let outcome = self.act(event, part).await;
        let noted = match outcome {
            Ok(()) => self.processed.complete(lease).await,
            Err(_) => self.processed.release(lease).await,
        };
        if let Err(failure) = noted {
            // An error here would certainly send the mail again. Without it, that happens only if the event
            // is delivered again.
            tracing::warn!(
                event_id = event.id,
                cause = chain(&failure),
                "failed to record the outcome of a mail"
            );
        }
        outcome
    }

    async fn act(&self, event: &Event, part: Part) -> Result<(), Unhandled> {
        match part {
            Part::VerifyRegistration => self.verify_registration(id(event, "registration")?, event).await,
            Part::VerifyRegistrationAgain => self.verify_registration_again(event).await,
            Part::ResetPassword => self.reset_password(event).await,
            Part::VerifyEmailChange => self.verify_email_change(event).await,
            Part::ResetPasswordOfUser => self.reset_password_of(event).await,
            Part::Invitation => self.invite(event).await,
            Part::Notice(letter) => self.notice(letter, event).await,
            Part::NoticeToFormerAddress => self.notice_to_former_address(event).await,
            Part::TokenReused => self.token_reused(event).await,
            Part::Digest => self.digest(event).await,
        }
    }

    /// Returns whether an address may get a mail: it is not suppressed, and fewer mails than `cap` were
    /// caused by requests. Notices about changes have no cap, because an intruder could use it up.
    async fn may_get(&self, to: &Email, cap: Option<MailCap>, event: &Event) -> Result<bool, Unhandled> {
        if self.identities.suppressed(to.canonical()).await.map_err(unhandled)?.is_some() {
            tracing::info!(
                event_id = event.id,
                "skipped a suppressed address, see `gatepost mail suppressions`"
            );
            cloud::put_count("MailsSuppressed", 1);
            return Ok(false);
        }
        let Some(cap) = cap else { return Ok(true) };
        let now = self.clock.now();
        let may = self.identities.may_be_mailed(to.canonical(), cap, &event.id, now).await;
        let may = may.map_err(unhandled)?;
        if !may {
            tracing::warn!(
                event_id = event.id,
                kind = cap.kind,
                "skipped an address that has reached its cap"
            );
            cloud::put_count("MailsCapped", 1);
        }
        Ok(may)
    }

    async fn send(
        &self,
        (to, locale): (&Email, Option<&Locale>),
        letter: Letter,
        content: Content<'_>,
    ) -> Result<(), Unhandled> {
        let mail = self.templates.write(letter, locale, &self.service, content);
        self.transport.send(to, &mail).await
    }
}

/// Returns the id in the event's subject.
fn id<T: FromStr>(event: &Event, kind: &str) -> Result<T, Unhandled> {
    event.subject_id(kind).and_then(|id| id.parse().ok()).ok_or_else(|| Unhandled::poison(NoMail))
}

/// Rights and throttles may recover on their own. A malformed item does not.
fn unhandled(failure: StoreError) -> Unhandled {
    match failure {
        StoreError::Malformed(_) => Unhandled::poison(failure),
        _ => Unhandled::retry(failure),
    }
}
