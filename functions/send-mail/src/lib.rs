//! Sends the mail that proves an address: when somebody has registered, and when somebody asks for
//! it again.
//!
//! The link's token is made here and is only ever in the mail; the table gets its hash. The mail may
//! be late, or not sent at all, without anyone seeing it in an answer of the API.

mod letter;
mod mailer;

use std::{str::FromStr, time::Duration};

use cloud::{Clock, Cloud, Failed, Function, Invocation, Random, SettingError, chain};
use domain::{Purpose, Registration, RegistrationId, ResendId};
use gatepost_consumer::{
    BatchFailures, Committed, Consumer, Event, Positions, QueueBatch, TransactWriteItem, Unhandled, Verdict,
    serve,
};
use store::{Failure, Identities};
use thiserror::Error;
use tokens::LinkToken;

use crate::{letter::Letter, mailer::Mailer};

/// How long it is known that a mail was sent: twice as long as any link works.
const POSITIONS_KEPT: Duration = Duration::from_hours(14 * 24);

/// Sends mails.
pub struct SendMail {
    positions: Positions,
    identities: Identities,
    mailer: Mailer,
    service: String,
    /// The page that the link opens.
    page: String,
    clock: Clock,
    random: Random,
}

/// The queue holds what no mail is to be sent for: its rule is wrong.
#[derive(Debug, Error)]
#[error("no mail is known for this event")]
struct NoMail;

/// Two copies of an event were handled at once, and the other one's link replaced ours.
#[derive(Debug, Error)]
#[error("another copy of the event has replaced the link")]
struct LinkReplaced;

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<SendMail, SettingError> {
    let identities = Identities::new(cloud)?;
    let positions = Positions::new(identities.client(), cloud.settings().text("POSITIONS_TABLE")?);
    Ok(SendMail {
        positions: positions.kept_for(POSITIONS_KEPT),
        identities,
        mailer: Mailer::new(cloud)?,
        service: cloud.settings().text("SERVICE_NAME")?,
        page: cloud.settings().text("VERIFICATION_URL")?,
        clock: cloud.clock(),
        random: cloud.random(),
    })
}

impl Function for SendMail {
    type Event = QueueBatch;
    type Answer = BatchFailures;

    async fn call(&self, batch: QueueBatch, invocation: Invocation) -> Result<BatchFailures, Failed> {
        Ok(serve(self, batch, invocation.deadline.left()).await)
    }
}

impl Consumer for SendMail {
    async fn on(&self, event: Event) -> Result<(), Unhandled> {
        match self.positions.judge(&event).await? {
            Verdict::Duplicate | Verdict::Stale => return Ok(()),
            // Each event asks for a mail of its own, whatever came before it.
            Verdict::New | Verdict::Gap { .. } => {}
        }
        let registration = match event.kind.as_str() {
            "registration.requested" => Some(id(&event, "registration")?),
            "registration.resend-requested" => self.newest(id(&event, "resend")?).await?,
            _ => return Err(Unhandled::poison(NoMail)),
        };
        let condition = match registration {
            Some(registration) => self.send_link(registration, &event).await?,
            None => None,
        };
        match self.positions.commit(&event, condition).await {
            Ok(Committed::Done | Committed::Overtaken) => Ok(()),
            // Another copy of this event has replaced the link: until that one is mailed, nobody has one
            // that works.
            Ok(Committed::Refused) => Err(Unhandled::retry(LinkReplaced)),
            Err(failure) => {
                // To fail here would send the mail again for sure; like this, only if the event comes again.
                tracing::warn!(
                    event_id = event.id,
                    cause = chain(&failure),
                    "not noted that a mail was sent"
                );
                Ok(())
            }
        }
    }
}

/// The id in the event's subject.
fn id<T: FromStr>(event: &Event, kind: &str) -> Result<T, Unhandled> {
    event.subject_id(kind).and_then(|id| id.parse().ok()).ok_or_else(|| Unhandled::poison(NoMail))
}

impl SendMail {
    /// The newest registration of the address that somebody wants another mail for.
    async fn newest(&self, resend: ResendId) -> Result<Option<RegistrationId>, Unhandled> {
        match self.identities.resend(resend).await.map_err(unhandled)? {
            Some(email) => self.identities.pending_registration(&email).await.map_err(unhandled),
            None => Ok(None),
        }
    }

    /// Gives a registration a new link, and mails it. The hash is stored first: a link that arrives
    /// works. Returns the condition on which the mail is as good as it was meant.
    async fn send_link(
        &self,
        id: RegistrationId,
        event: &Event,
    ) -> Result<Option<TransactWriteItem>, Unhandled> {
        let token = LinkToken::new(id.uuid(), Purpose::VerifyRegistration, self.random.bytes());
        let (hash, now) = (token.hash(), self.clock.now());
        let attached = self.identities.attach_link(id, &hash, &event.id, now).await.map_err(unhandled)?;
        // Expired, or verified meanwhile.
        let Some(registration) = attached else { return Ok(None) };

        let letter = self.letter(&registration, &token);
        self.mailer.send(&registration.email, &letter).await?;
        Ok(Some(self.identities.link_is_newest(id, &hash, &event.id)))
    }

    fn letter(&self, registration: &Registration, token: &LinkToken) -> Letter {
        // Behind `#`, so that it is in no server's log.
        let link = format!("{}#token={}", self.page, token.secret().expose());
        let lifetime = registration.expires_at.since(self.clock.now());
        Letter::verification(&self.service, registration.first_name.as_ref(), &link, lifetime)
    }
}

/// Rights and throttles change without us; an item that cannot be read does not.
fn unhandled(failure: Failure) -> Unhandled {
    match failure {
        Failure::Malformed(_) => Unhandled::poison(failure),
        _ => Unhandled::retry(failure),
    }
}
