//! Sends the mail that proves an address: when somebody has registered, and when somebody asks for
//! it again.
//!
//! The link's token is made here and is only ever in the mail; the table gets its hash. The mail may
//! be late, or not sent at all, without anyone seeing it in an answer of the API.

mod letter;
mod mailer;

use cloud::{Clock, Cloud, Random, SettingError, chain};
use domain::{EventId, Purpose, Registration, RegistrationId, ResendId, Stream};
use events::{Consumer, Incoming, Queue, Unhandled};
use store::{Failure, Identities};
use thiserror::Error;
use tokens::LinkToken;

use crate::{letter::Letter, mailer::Mailer};

/// Sends mails.
pub struct SendMail {
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

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Queue<SendMail>, SettingError> {
    Ok(Queue(SendMail {
        identities: Identities::new(cloud)?,
        mailer: Mailer::new(cloud)?,
        service: cloud.settings().text("SERVICE_NAME")?,
        page: cloud.settings().text("VERIFICATION_URL")?,
        clock: cloud.clock(),
        random: cloud.random(),
    }))
}

impl Consumer for SendMail {
    async fn on(&self, event: Incoming) -> Result<(), Unhandled> {
        let registration = match (event.kind.as_str(), event.stream) {
            ("registration.requested", Stream::Registration(id)) => Some(id),
            ("registration.resend-requested", Stream::Resend(id)) => self.newest(id).await?,
            _ => return Err(Unhandled::poison(NoMail)),
        };
        match registration {
            Some(registration) => self.send_link(registration, event.id).await,
            None => Ok(()),
        }
    }
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
    /// works.
    async fn send_link(&self, id: RegistrationId, event: EventId) -> Result<(), Unhandled> {
        let token = LinkToken::new(id.uuid(), Purpose::VerifyRegistration, self.random.bytes());
        let now = self.clock.now();
        let attached = self.identities.attach_link(id, &token.hash(), event, now).await.map_err(unhandled)?;
        let Some(registration) = attached else {
            // Expired, verified meanwhile, or mailed when this event came first.
            return Ok(());
        };

        let letter = self.letter(&registration, &token);
        self.mailer.send(&registration.email, &letter).await?;

        if let Err(failure) = self.identities.mailed(id, event).await {
            // To fail here would send the mail again for sure; like this, only if the event comes again.
            tracing::warn!(event_id = %event, cause = chain(&failure), "not noted that a mail was sent");
        }
        Ok(())
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
