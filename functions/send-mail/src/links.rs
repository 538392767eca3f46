//! Mails with a link. The hash is stored first: a link that arrives works.

use std::time::Duration;

use cloud::{SettingError, Settings};
use domain::{Link, Purpose, RegistrationId, ResendId, ResetId, Status, Timestamp, User, UserId};
use gatepost_consumer::{Event, Unhandled};
use store::MailCap;
use tokens::LinkToken;

use crate::{
    SendMail, id,
    letter::{Content, Letter, Matter},
    unhandled,
};

/// What strangers can make us send to an address, kind by kind: one must not use up another.
const TO_REGISTER: MailCap = MailCap { kind: "verify-registration", per_hour: 5, per_day: 20 };
const TO_CHANGE_EMAIL: MailCap = MailCap { kind: "verify-email-change", per_hour: 5, per_day: 20 };
/// By the hour only: whoever asks for links in another's name must not keep that one out for a day.
const TO_RESET: MailCap = MailCap { kind: "reset-password", per_hour: 3, per_day: 24 * 3 };

/// A week: it comes unasked, to people who may be away, and gives them an account in which nothing is yet.
const INVITATION: Permit = Permit {
    purpose: Purpose::AcceptInvitation,
    letter: Letter::Invitation,
    cap: MailCap { kind: "invitation", per_hour: 5, per_day: 20 },
    lifetime: Duration::from_hours(7 * 24),
};

/// What a link to choose a password permits, and how it is mailed.
struct Permit {
    purpose: Purpose,
    letter: Letter,
    cap: MailCap,
    lifetime: Duration,
}

/// The pages that links open.
pub(crate) struct Pages {
    verification: String,
    /// Asks for a new password, be it the first one.
    password: String,
    email_change: String,
    /// How long a link to choose a new password is good.
    reset_lifetime: Duration,
}

impl Pages {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingError> {
        Ok(Self {
            verification: settings.text("VERIFICATION_URL")?,
            password: settings.text("RESET_PASSWORD_URL")?,
            email_change: settings.text("EMAIL_CHANGE_URL")?,
            reset_lifetime: settings.seconds("RESET_LINK_SECONDS")?,
        })
    }
}

impl SendMail {
    /// Mails the newest registration of the address that somebody wants another mail for.
    pub(crate) async fn verify_registration_again(&self, event: &Event) -> Result<(), Unhandled> {
        let resend: ResendId = id(event, "resend")?;
        let Some(email) = self.identities.resend(resend).await.map_err(unhandled)? else { return Ok(()) };
        match self.identities.pending_registration(&email).await.map_err(unhandled)? {
            Some(newest) => self.verify_registration(newest, event).await,
            None => Ok(()),
        }
    }

    /// Gives a registration a new link, and mails it. If the address has an account, that is what the mail says.
    pub(crate) async fn verify_registration(
        &self,
        id: RegistrationId,
        event: &Event,
    ) -> Result<(), Unhandled> {
        let (now, found) = (self.clock.now(), self.identities.registration(id).await);
        // Verified meanwhile, or expired.
        let Some(registration) = found.map_err(unhandled)?.filter(|found| now < found.expires_at) else {
            return Ok(());
        };
        let applicant = &registration.applicant;
        let owner = self.identities.owner(applicant.email.canonical()).await.map_err(unhandled)?;
        if let Some(owner) = owner {
            return self.tell_of_account(owner, event).await;
        }
        // Check the cap first: if no mail may be sent, the previous link must stay valid.
        if !self.may_get(&applicant.email, Some(TO_REGISTER), event).await? {
            return Ok(());
        }
        let token = LinkToken::new(id.uuid(), Purpose::VerifyRegistration, self.random.bytes());
        let attached = self.identities.attach_link(id, &token.hash(), now).await;
        if attached.map_err(unhandled)?.is_none() {
            return Ok(());
        }
        let url = url(&self.pages.verification, &token);
        let matter = Matter::Link { url: &url, lifetime: registration.expires_at.since(now) };
        // By no name: until the address is proven, it would be a stranger's text.
        let content = Content { name: None, matter };
        let reader = (&applicant.email, applicant.locale.as_ref());
        self.send(reader, Letter::VerifyRegistration, content).await
    }

    /// Tells the owner of an address that is registered again that there is an account, and how to use it. A link to
    /// prove the address could never work.
    async fn tell_of_account(&self, owner: UserId, event: &Event) -> Result<(), Unhandled> {
        let Some(user) = self.identities.user(owner).await.map_err(unhandled)? else { return Ok(()) };
        if !self.may_get(&user.email, Some(TO_REGISTER), event).await? {
            return Ok(());
        }
        let (letter, moment) = match user.status {
            Status::Deleting { erase_at, .. } => (Letter::AccountClosing, erase_at),
            Status::Active | Status::Suspended => {
                (Letter::AccountExists, Timestamp::from_millis(event.occurred_at_millis))
            }
        };
        let content = Content { name: user.name_in_mails(), matter: Matter::Moment(moment) };
        self.send((&user.email, user.locale.as_ref()), letter, content).await
    }

    /// Gives the owner of an address, if there is one, a link to choose a new password, and mails it.
    pub(crate) async fn reset_password(&self, event: &Event) -> Result<(), Unhandled> {
        let reset: ResetId = id(event, "reset")?;
        let (now, found) = (self.clock.now(), self.identities.password_reset(reset).await);
        let Some((email, expires_at)) = found.map_err(unhandled)? else { return Ok(()) };
        let Some(owner) = self.identities.owner(&email).await.map_err(unhandled)? else { return Ok(()) };
        let user = self.identities.user(owner).await.map_err(unhandled)?;
        let may_reset = |user: &User| now < expires_at && user.may_reset_password();
        let Some(user) = user.filter(may_reset) else { return Ok(()) };
        self.permit(self.reset(), &user, event).await
    }

    /// Gives a user whom an administrator lets choose a new password the link, and mails it. Whoever has not
    /// accepted an invitation is invited again.
    pub(crate) async fn reset_password_of(&self, event: &Event) -> Result<(), Unhandled> {
        let is_due = |user: &User| {
            // A user who has chosen one since needs no other.
            user.may_reset_password() && user.credential_version <= event.sequence
        };
        match self.user(event).await?.filter(is_due) {
            Some(user) if user.invited_at.is_some() => self.permit(INVITATION, &user, event).await,
            Some(user) => self.permit(self.reset(), &user, event).await,
            None => Ok(()),
        }
    }

    const fn reset(&self) -> Permit {
        Permit {
            purpose: Purpose::ResetPassword,
            letter: Letter::ResetPassword,
            cap: TO_RESET,
            lifetime: self.pages.reset_lifetime,
        }
    }

    /// Gives somebody whom an administrator has made a user a link to choose the first password, and mails it.
    pub(crate) async fn invite(&self, event: &Event) -> Result<(), Unhandled> {
        let may_accept = |user: &User| user.invited_at.is_some() && user.may_reset_password();
        match self.user(event).await?.filter(may_accept) {
            Some(user) => self.permit(INVITATION, &user, event).await,
            None => Ok(()),
        }
    }

    /// Gives a user a link that permits something, and mails it. It takes the place of the one before.
    async fn permit(&self, permit: Permit, user: &User, event: &Event) -> Result<(), Unhandled> {
        let Permit { purpose, letter, cap, lifetime } = permit;
        if !self.may_get(&user.email, Some(cap), event).await? {
            return Ok(());
        }
        let token = LinkToken::new(user.id.uuid(), purpose, self.random.bytes());
        let expires_at = self.clock.now().plus(lifetime);
        // What ends every session ends this as well. An invitation opens nothing that anybody has yet.
        let epoch = (purpose == Purpose::ResetPassword).then_some(user.epoch);
        let link = Link { hash: Some(token.hash()), bound_to: user.email.clone(), epoch, expires_at };
        self.identities.put_link(user.id, purpose, &link).await.map_err(unhandled)?;
        let url = url(&self.pages.password, &token);
        let content = Content { name: user.name_in_mails(), matter: Matter::Link { url: &url, lifetime } };
        self.send((&user.email, user.locale.as_ref()), letter, content).await
    }

    /// Gives the address that a user wants to change to its link, and mails it there.
    pub(crate) async fn verify_email_change(&self, event: &Event) -> Result<(), Unhandled> {
        let user: UserId = id(event, "user")?;
        let change = (user, Purpose::VerifyEmailChange);
        let (now, waiting) = (self.clock.now(), self.identities.link(user, change.1).await);
        let (Some(waiting), Some(user)) =
            (waiting.map_err(unhandled)?, self.identities.user(user).await.map_err(unhandled)?)
        else {
            return Ok(());
        };
        if now >= waiting.expires_at || !self.may_get(&waiting.bound_to, Some(TO_CHANGE_EMAIL), event).await?
        {
            return Ok(());
        }
        let token = LinkToken::new(user.id.uuid(), change.1, self.random.bytes());
        let attached = self.identities.attach_user_link(change, &token.hash(), now).await;
        let Some(link) = attached.map_err(unhandled)? else { return Ok(()) };
        let url = url(&self.pages.email_change, &token);
        let matter = Matter::Link { url: &url, lifetime: link.expires_at.since(now) };
        // By no name: the address is not proven yet.
        let content = Content { name: None, matter };
        self.send((&link.bound_to, user.locale.as_ref()), Letter::VerifyEmailChange, content).await
    }
}

/// Behind `#`, so that it is in no server's log.
fn url(page: &str, token: &LinkToken) -> String {
    format!("{page}#token={}", token.secret().expose())
}
