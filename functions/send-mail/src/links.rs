//! Mails with a link. The hash is stored first, so each delivered link works.

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

/// The caps of mails that anonymous callers can cause. Each kind is separate, so that one cannot use up
/// another.
const TO_REGISTER: MailCap = MailCap { kind: "verify-registration", per_hour: 5, per_day: 20 };
const TO_CHANGE_EMAIL: MailCap = MailCap { kind: "verify-email-change", per_hour: 5, per_day: 20 };
/// Per hour only: an attacker who requests links for another user's address must not block that user for a
/// day.
const TO_RESET: MailCap = MailCap { kind: "reset-password", per_hour: 3, per_day: 24 * 3 };

/// A week: an invitation comes unexpectedly, the reader may be away, and the account has no data yet.
const INVITATION: Permit = Permit {
    purpose: Purpose::AcceptInvitation,
    letter: Letter::Invitation,
    cap: MailCap { kind: "invitation", per_hour: 5, per_day: 20 },
    lifetime: Duration::from_hours(7 * 24),
};

/// The permission that a link gives, and its mail.
struct Permit {
    purpose: Purpose,
    letter: Letter,
    cap: MailCap,
    lifetime: Duration,
}

/// The pages that links open.
pub(crate) struct Pages {
    verification: String,
    /// The page to choose a password, also the first one.
    password: String,
    email_change: String,
    /// The lifetime of a link to reset a password.
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
    /// Mails a new link to the newest registration of the address in the request.
    pub(crate) async fn verify_registration_again(&self, event: &Event) -> Result<(), Unhandled> {
        let resend: ResendId = id(event, "resend")?;
        let Some(email) = self.identities.resend(resend).await.map_err(unhandled)? else { return Ok(()) };
        match self.identities.pending_registration(&email).await.map_err(unhandled)? {
            Some(newest) => self.verify_registration(newest, event).await,
            None => Ok(()),
        }
    }

    /// Gives a registration a new link and mails it. If the address has an account, the mail says that
    /// instead.
    pub(crate) async fn verify_registration(
        &self,
        id: RegistrationId,
        event: &Event,
    ) -> Result<(), Unhandled> {
        let (now, found) = (self.clock.now(), self.identities.registration(id).await);
        // The registration was verified or has expired.
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
        // No name: until the address is proven, the name is text from an unknown sender.
        let content = Content { name: None, matter };
        let reader = (&applicant.email, applicant.locale.as_ref());
        self.send(reader, Letter::VerifyRegistration, content).await
    }

    /// Mails the owner of an address that was registered again that the account exists, and how to use it. A
    /// link could never work.
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

    /// Mails a reset link to the user with the address, if there is one.
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

    /// Mails a reset link to a user at the request of an administrator. A user who has not accepted an
    /// invitation gets another invitation.
    pub(crate) async fn reset_password_of(&self, event: &Event) -> Result<(), Unhandled> {
        let is_due = |user: &User| {
            // A user who has chosen a password since does not need the link.
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

    /// Mails an invitation to a user whom an administrator has created.
    pub(crate) async fn invite(&self, event: &Event) -> Result<(), Unhandled> {
        let may_accept = |user: &User| user.invited_at.is_some() && user.may_reset_password();
        match self.user(event).await?.filter(may_accept) {
            Some(user) => self.permit(INVITATION, &user, event).await,
            None => Ok(()),
        }
    }

    /// Mails a link that permits a password change. It replaces the previous link.
    async fn permit(&self, permit: Permit, user: &User, event: &Event) -> Result<(), Unhandled> {
        let Permit { purpose, letter, cap, lifetime } = permit;
        if !self.may_get(&user.email, Some(cap), event).await? {
            return Ok(());
        }
        let token = LinkToken::new(user.id.uuid(), purpose, self.random.bytes());
        let expires_at = self.clock.now().plus(lifetime);
        // A reset link is revoked when all sessions end. An invitation is not, since there is nothing to
        // protect yet.
        let epoch = (purpose == Purpose::ResetPassword).then_some(user.epoch);
        let link = Link { hash: Some(token.hash()), bound_to: user.email.clone(), epoch, expires_at };
        self.identities.put_link(user.id, purpose, &link).await.map_err(unhandled)?;
        let url = url(&self.pages.password, &token);
        let content = Content { name: user.name_in_mails(), matter: Matter::Link { url: &url, lifetime } };
        self.send((&user.email, user.locale.as_ref()), letter, content).await
    }

    /// Adds a link to a pending change of address, and mails it to the new address.
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
        // No name: the address has not been proven.
        let content = Content { name: None, matter };
        self.send((&link.bound_to, user.locale.as_ref()), Letter::VerifyEmailChange, content).await
    }
}

/// Puts the token into the fragment, which servers do not log.
fn url(page: &str, token: &LinkToken) -> String {
    format!("{page}#token={}", token.secret().expose())
}
