//! The browser's session, which a cookie names.

use std::{sync::Arc, time::Duration};

use api::{Error, Head};
use cloud::{Cloud, FromSecret, SettingError};
use domain::{Presented, Secret, Session, SessionKind, User};
use store::Identities;
use tokens::{RefreshTokenError, oauth::OauthKeys};

/// Reads and writes the cookie of browser sessions.
pub struct Browser {
    identities: Identities,
    keys: FromSecret<OauthKeys>,
    issuer: String,
}

/// A user and the browser session that they are signed in with.
pub struct SignedInBrowser {
    /// The user.
    pub user: User,
    /// The session.
    pub session: Session,
}

impl Browser {
    /// Reads sessions from `identities`.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new(cloud: &Cloud, identities: &Identities) -> Result<Self, SettingError> {
        Ok(Self {
            identities: identities.clone(),
            keys: FromSecret::keys(cloud, |seeds| Some(OauthKeys::derive(seeds)))?,
            issuer: cloud.settings().text("ISSUER")?,
        })
    }

    /// Returns the keys of OAuth's texts.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn keys(&self) -> Result<Arc<OauthKeys>, Error> {
        Ok(self.keys.get().await?)
    }

    /// Reads the keys before the first request.
    pub async fn warm(&self) {
        let _ = self.keys.get().await;
    }

    /// Returns what opens with the keys, which are read again if the text names an unknown one. Returns `None` if the text
    /// was not made here.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub async fn open<T>(
        &self,
        open: impl Fn(&OauthKeys) -> Result<T, RefreshTokenError>,
    ) -> Result<Option<T>, Error> {
        match open(&*self.keys.get().await?) {
            Err(RefreshTokenError::UnknownKey) => Ok(open(&*self.keys.newest().await?).ok()),
            opened => Ok(opened.ok()),
        }
    }

    /// Returns the session that the request's cookie names, unverified against the table.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub async fn presented(&self, head: &Head) -> Result<Option<Presented>, Error> {
        let Some(cookie) = head.cookie(self.cookie_name()) else { return Ok(None) };
        let cookie = Secret::from(cookie.to_owned());
        self.open(|keys| keys.open_cookie(&cookie)).await
    }

    /// Returns the user of a session that stands; `None` if it has ended, or the cookie is an older one.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn signed_in(
        &self,
        presented: Presented,
        head: &Head,
    ) -> Result<Option<SignedInBrowser>, Error> {
        let Presented { user_id, session_id, generation } = presented;
        // Boxed, since the future of concurrent reads is large.
        let reads = async {
            tokio::try_join!(self.identities.user(user_id), self.identities.session(user_id, session_id))
        };
        let (user, session) = Box::pin(reads).await?;
        let (Some(user), Some(session)) = (user, session) else { return Ok(None) };
        let Some((user, session)) = self.identities.of_one_moment(user, session).await? else {
            return Ok(None);
        };
        let stands = session.kind == SessionKind::Browser
            && session.generation == generation
            && user.admits(&session)
            && session.is_good_at(head.now);
        Ok(stands.then_some(SignedInBrowser { user, session }))
    }

    /// Returns the cookie of a session. It ends with the browser, unless the browser is to remember it.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub async fn cookie(&self, session: &Session, head: &Head, remember: bool) -> Result<String, Error> {
        let presented =
            Presented { user_id: session.user_id, session_id: session.id, generation: session.generation };
        let value = self.keys.get().await?.cookie(presented);
        let lifetime = remember.then(|| session.expires_at.since(head.now));
        Ok(self.set_cookie(value.expose(), lifetime))
    }

    /// Returns what removes the cookie.
    #[must_use]
    pub fn removed_cookie(&self) -> String {
        self.set_cookie("", Some(Duration::ZERO))
    }

    /// Returns the deployment's public URL.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    fn set_cookie(&self, value: &str, lifetime: Option<Duration>) -> String {
        let (name, secure) = (self.cookie_name(), if self.is_secure() { "; Secure" } else { "" });
        let lifetime =
            lifetime.map(|lifetime| format!("; Max-Age={}", lifetime.as_secs())).unwrap_or_default();
        format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{lifetime}")
    }

    /// The prefix makes browsers refuse the cookie of a subdomain. It needs `https`, which a laptop does not have.
    fn cookie_name(&self) -> &'static str {
        if self.is_secure() { "__Host-gatepost" } else { "gatepost" }
    }

    fn is_secure(&self) -> bool {
        self.issuer.starts_with("https://")
    }
}
