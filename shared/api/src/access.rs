//! Authenticated callers: they present an authentic access token of a session that has not ended.
//!
//! The gate verifies the token. [`Admission`] reads the current state of the caller, once a request and
//! concurrently with the other reads of the request. [`crate::Endpoint`] returns nothing before the caller is
//! admitted. Commands and stored responses take the user or the authority, which only the admission returns.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cloud::{Clock, Cloud, SettingError, chain};
use domain::{Actor, EventContext, Receipt, Ring, SessionId, Timestamp, User, UserId};
use store::Identities;
use tokens::{AccessClaims, Rejected, Verifier, oauth::GrantClaims};
use tracing::error;

use crate::{Admission, Answer, Caller, Error, Head, Problem, ProblemType, stored_response::Replay};

/// The keys are read again for an unknown key, but not more often than this, so that forged tokens cause no
/// load.
const MIN_TIME_BETWEEN_READS: Duration = Duration::from_secs(10);

/// A caller with an authentic access token, whose session has not ended.
pub struct Authenticated {
    /// The caller.
    pub user_id: UserId,
    /// The session of the token.
    pub session_id: SessionId,
    /// The request.
    pub head: Head,
    pub(crate) admission: Admission,
}

impl Authenticated {
    /// Returns the current caller. The first call shares the read of the admission. Each further call reads
    /// again, because a conflict means that the user has changed.
    ///
    /// # Errors
    /// If the session has ended, or the table does not answer.
    pub async fn user(&self) -> Result<User, Error> {
        Ok(self.admission.user().await?)
    }

    /// Returns the current caller, if the request is for that version.
    ///
    /// # Errors
    /// [`ProblemType::VersionConflict`], or as [`Self::user`].
    pub async fn user_to_change(&self) -> Result<User, Error> {
        let user = self.user().await?;
        self.head.require_version(user.version)?;
        Ok(user)
    }

    /// Returns the context of the request's event, which is the same for each attempt.
    #[must_use]
    pub fn context(&self) -> EventContext {
        self.head.context(Actor::User(self.user_id))
    }

    /// Verifies the access token of a request. It must have the permission, if one is required.
    pub(crate) async fn verify(
        gate: &AccessGate,
        head: Head,
        permission: Option<&'static str>,
    ) -> Result<Self, Error> {
        let token = head.bearer_token().ok_or(ProblemType::InvalidToken)?;
        let AccessClaims { user_id, session_id, scope, .. } = gate.verify(token, head.now).await?;
        // First, so that the log names the user of every refusal.
        cloud::put_user(user_id);
        if permission.is_some_and(|needed| !scope.split(' ').any(|permission| permission == needed)) {
            return Err(ProblemType::Forbidden.into());
        }
        let admission = Admission::new(&gate.identities, (user_id, session_id), permission, head.now);
        Ok(Self { user_id, session_id, head, admission })
    }

    /// Returns the response to store with the change; `None` if the request has no idempotency key. It is
    /// returned again only while the caller is admitted.
    #[must_use]
    pub fn receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.head.receipt(answer, Replay::Admitted)
    }

    /// Returns the response to store for a request that ends the caller's own session or permission. It is
    /// returned again in any case.
    #[must_use]
    pub fn last_receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.head.receipt(answer, Replay::Always)
    }

    /// Returns the name of the caller's list at this path. A cursor is bound to the list, so it cannot be
    /// used by another user or on another route.
    #[must_use]
    pub fn list(&self) -> String {
        format!("{} {}", self.user_id, self.head.path)
    }
}

/// The keys as they were last read.
#[derive(Clone)]
struct Known {
    verifier: Arc<Verifier>,
    /// The time of the read; `None` before the first one.
    read_at: Option<Timestamp>,
}

/// Verifies access tokens with the published keys, which are read again every few minutes, because keys can
/// be revoked early.
pub struct AccessGate {
    issuer: String,
    audience: String,
    clock: Clock,
    identities: Identities,
    known: RwLock<Known>,
    /// The time of the last read for an unknown key.
    reread_at: tokio::sync::Mutex<Option<Timestamp>>,
}

impl AccessGate {
    /// Creates the gate for callers in `identities`, with the settings `ISSUER` and `AUDIENCE`.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new(cloud: &Cloud, identities: &Identities) -> Result<Self, SettingError> {
        let (issuer, audience) = (cloud.settings().text("ISSUER")?, cloud.settings().text("AUDIENCE")?);
        let verifier = Arc::new(Verifier::new(issuer.clone(), audience.clone(), &[]));
        Ok(Self {
            issuer,
            audience,
            clock: cloud.clock(),
            identities: identities.clone(),
            known: RwLock::new(Known { verifier, read_at: None }),
            reread_at: tokio::sync::Mutex::new(None),
        })
    }

    async fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Error> {
        self.verify_by(now, |verifier| verifier.verify(token, now)).await
    }

    /// Verifies the access token of a client's grant.
    ///
    /// # Errors
    /// [`ProblemType::InvalidToken`] or [`ProblemType::TokenExpired`], or if the keys cannot be read.
    pub async fn verify_grant(&self, token: &str, now: Timestamp) -> Result<GrantClaims, Error> {
        self.verify_by(now, |verifier| verifier.verify_grant(token, now)).await
    }

    async fn verify_by<C>(
        &self,
        now: Timestamp,
        verify: impl Fn(&Verifier) -> Result<C, Rejected>,
    ) -> Result<C, Error> {
        let verified = match verify(&*self.recent(now).await) {
            Err(Rejected::UnknownKey) => verify(&*self.newest(now).await?),
            judged => judged,
        };
        verified.map_err(|rejected| match rejected {
            Rejected::Expired(user) => {
                cloud::put_user(user);
                ProblemType::TokenExpired.into()
            }
            Rejected::UnknownKey | Rejected::Invalid => ProblemType::InvalidToken.into(),
        })
    }

    /// Returns keys that are at most a few minutes old, if they can be read.
    async fn recent(&self, now: Timestamp) -> Arc<Verifier> {
        let Known { verifier, read_at } = self.known();
        if read_at.is_none_or(|at| now.since(at) < Ring::KEPT_FOR) {
            return verifier;
        }
        // If the table is down, the request's other reads report it.
        self.reread().await.unwrap_or(verifier)
    }

    /// Returns the keys that were just read. Concurrent callers wait for one read.
    async fn newest(&self, now: Timestamp) -> Result<Arc<Verifier>, Error> {
        let mut reread_at = self.reread_at.lock().await;
        if reread_at.is_some_and(|at| now.since(at) < MIN_TIME_BETWEEN_READS) {
            return Ok(self.known().verifier);
        }
        // A failed read does not delay the next one.
        let verifier = self.reread().await?;
        *reread_at = Some(now);
        Ok(verifier)
    }

    async fn reread(&self) -> Result<Arc<Verifier>, Error> {
        let read_at = self.clock.now();
        let keys = self.identities.public_keys().await.map_err(|failure| {
            error!(cause = chain(&failure), "failed to read the public keys");
            Problem::unavailable()
        })?;
        let verifier = Arc::new(Verifier::new(self.issuer.clone(), self.audience.clone(), &keys));
        let known = Known { verifier: Arc::clone(&verifier), read_at: Some(read_at) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(verifier)
    }

    /// Reads the keys ahead. It does not count as a re-read, so a key that is published after this start is found
    /// immediately.
    pub(crate) async fn warm(&self) {
        let _ = self.reread().await;
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Caller for Authenticated {
    type Gate = AccessGate;
    const TAKES_TOKEN: bool = true;
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken, ProblemType::TokenExpired];

    fn gate(cloud: &Cloud, identities: &Identities) -> Result<AccessGate, SettingError> {
        AccessGate::new(cloud, identities)
    }

    async fn admit(gate: &AccessGate, head: Head) -> Result<Self, Error> {
        Self::verify(gate, head, None).await
    }

    fn admission(&self) -> Option<Admission> {
        Some(self.admission.clone())
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn user_id(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    async fn warm(gate: &AccessGate) {
        gate.warm().await;
    }
}
