//! Notices about changes of an account, sent to the address that it had at the time.

use domain::{Email, Status, Timestamp, User};
use gatepost_consumer::{Event, Unhandled};
use serde::Deserialize;
use store::MailCap;

use crate::{
    SendMail, id,
    letter::{Content, Letter, Matter},
    unhandled,
};

/// The cap of notices to an unproven address, which other people can cause.
const TO_INVITED: MailCap = MailCap { kind: "notice-to-invited", per_hour: 5, per_day: 20 };

/// Each notice follows a log-in, so further ones bring no news.
const OF_REUSE: MailCap = MailCap { kind: "token-reused", per_hour: 5, per_day: 20 };

/// The data of the event `session.ended`.
#[derive(Deserialize)]
struct Ended {
    reason: String,
    device: Option<String>,
}

impl SendMail {
    /// Notifies a user of a change, at the address that the account had right after it. An intruder who
    /// changes the address immediately does not get these mails.
    pub(crate) async fn notice(&self, letter: Letter, event: &Event) -> Result<(), Unhandled> {
        // The user has been erased since.
        let Some(user) = self.user(event).await? else { return Ok(()) };
        let to = self.address_after(&user, event).await?;
        self.tell(&user, &to, letter, event).await
    }

    /// Notifies a user that a refresh token was reused, which ended the session.
    pub(crate) async fn token_reused(&self, event: &Event) -> Result<(), Unhandled> {
        let ended: Ended = event.data()?;
        if ended.reason != "token-reused" {
            return Ok(());
        }
        let Some(user) = self.user(event).await? else { return Ok(()) };
        let to = self.address_after(&user, event).await?;
        if !self.may_get(&to, Some(OF_REUSE), event).await? {
            return Ok(());
        }
        let at = Timestamp::from_millis(event.occurred_at_millis);
        let matter = Matter::Reuse { at, device: ended.device.as_deref() };
        let content = Content { name: user.name_in_mails(), matter };
        self.send((&to, user.locale.as_ref()), Letter::TokenReused, content).await
    }

    /// Returns the address that the user had right after the event.
    async fn address_after(&self, user: &User, event: &Event) -> Result<Email, Unhandled> {
        let former = self.identities.former_email(user.id, event.sequence + 1).await.map_err(unhandled)?;
        Ok(former.unwrap_or_else(|| user.email.clone()))
    }

    /// Notifies the former address of a change of address.
    pub(crate) async fn notice_to_former_address(&self, event: &Event) -> Result<(), Unhandled> {
        let Some(user) = self.user(event).await? else { return Ok(()) };
        let former = self.identities.former_email(user.id, event.sequence).await.map_err(unhandled)?;
        match former {
            Some(to) => self.tell(&user, &to, Letter::EmailChanged, event).await,
            None => Ok(()),
        }
    }

    async fn tell(&self, user: &User, to: &Email, letter: Letter, event: &Event) -> Result<(), Unhandled> {
        let cap = (!user.has_proven_email()).then_some(TO_INVITED);
        if !self.may_get(to, cap, event).await? {
            return Ok(());
        }
        let (letter, moment) = match (letter, user.status) {
            (Letter::DeletionRequested, Status::Deleting { erase_at, is_final: false, .. }) => {
                (letter, erase_at)
            }
            (Letter::DeletionRequested, Status::Deleting { erase_at, is_final: true, .. }) => {
                (Letter::AccountDeleted, erase_at)
            }
            // The deletion has been canceled since.
            (Letter::DeletionRequested, _) => return Ok(()),
            _ => (letter, Timestamp::from_millis(event.occurred_at_millis)),
        };
        let content = Content { name: user.name_in_mails(), matter: Matter::Moment(moment) };
        self.send((to, user.locale.as_ref()), letter, content).await
    }

    /// Returns the user of an event, unless they have been erased since.
    pub(crate) async fn user(&self, event: &Event) -> Result<Option<User>, Unhandled> {
        self.identities.user(id(event, "user")?).await.map_err(unhandled)
    }
}
