//! Notices: what was done to an account, told to whom it belonged then.

use domain::{Email, Status, Timestamp, User};
use gatepost_consumer::{Event, Unhandled};
use serde::Deserialize;
use store::MailCap;

use crate::{
    SendMail, id,
    letter::{Content, Letter, Matter},
    unhandled,
};

/// Notices to an address that its user has not proven: others can set them off, so they have a cap.
const TO_INVITED: MailCap = MailCap { kind: "notice-to-invited", per_hour: 5, per_day: 20 };

/// Each takes a log-in first, so more than these tell of nothing new.
const OF_REUSE: MailCap = MailCap { kind: "token-reused", per_hour: 5, per_day: 20 };

/// The data of a session that ended.
#[derive(Deserialize)]
struct Ended {
    reason: String,
    device: Option<String>,
}

impl SendMail {
    /// Tells a user what was done to the account, at the address that it had right after: who takes an
    /// account over and changes its address at once must not get the mails that tell of it.
    pub(crate) async fn notice(&self, letter: Letter, event: &Event) -> Result<(), Unhandled> {
        // Nobody is there who was erased meanwhile.
        let Some(user) = self.user(event).await? else { return Ok(()) };
        let to = self.address_after(&user, event).await?;
        self.tell(&user, &to, letter, event).await
    }

    /// Tells a user that a refresh token was used again, which ended the session.
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

    /// Tells of a change of address at the address before.
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
            // Came back meanwhile.
            (Letter::DeletionRequested, _) => return Ok(()),
            _ => (letter, Timestamp::from_millis(event.occurred_at_millis)),
        };
        let content = Content { name: user.name_in_mails(), matter: Matter::Moment(moment) };
        self.send((to, user.locale.as_ref()), letter, content).await
    }

    /// Whose event it is, unless they were erased meanwhile.
    pub(crate) async fn user(&self, event: &Event) -> Result<Option<User>, Unhandled> {
        self.identities.user(id(event, "user")?).await.map_err(unhandled)
    }
}
