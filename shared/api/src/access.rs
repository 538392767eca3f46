//! Who is signed in: whoever presents an access token that this deployment has signed.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use cloud::{Clock, Cloud, SettingError, chain};
use domain::{Actor, Cause, EventId, PublicKey, Receipt, Ring, SessionId, Timestamp, UserId};
use tokens::{AccessClaims, Rejected, Verifier};
use tracing::error;

use crate::{Answer, Caller, Head, Problem, ProblemType};

/// A key that nobody knows makes the keys be read again, but not more often than this: forged
/// tokens must not make work.
const MIN_TIME_BETWEEN_READS: Duration = Duration::from_secs(10);

/// Somebody with a valid access token.
pub struct SignedIn {
    /// Who it is.
    pub user_id: UserId,
    /// The session that the token belongs to.
    pub session_id: SessionId,
    /// The request that they make.
    pub head: Head,
    scope: String,
}

impl SignedIn {
    /// Why an event happens: on this request, by this user.
    #[must_use]
    pub fn cause(&self, event_id: EventId, now: Timestamp) -> Cause {
        self.head.trace.cause(event_id, now, Actor::User(self.user_id))
    }

    /// Whether the access token says that the user may do it.
    pub(crate) fn may(&self, permission: &str) -> bool {
        self.scope.split(' ').any(|permitted| permitted == permission)
    }

    /// The receipt for an answer, to be committed with what it tells of; `None` if the request has no key.
    #[must_use]
    pub fn receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.head.receipt(answer)
    }

    /// Names the list that they see at this path: one user's cursor, or that of another route, is not to
    /// be taken for this one.
    #[must_use]
    pub fn list(&self) -> String {
        format!("{} {}", self.user_id, self.head.path)
    }
}

type Keys = Pin<Box<dyn Future<Output = Result<Vec<PublicKey>, Unread>> + Send>>;
type Unread = Box<dyn std::error::Error + Send + Sync>;

/// The keys as they were read.
#[derive(Clone)]
struct Known {
    verifier: Arc<Verifier>,
    /// When they were; `None` before the first time.
    read_at: Option<Timestamp>,
}

/// Checks access tokens against the published keys, which are read every few minutes: a key can be
/// given up before its time.
pub struct AccessGate {
    issuer: String,
    audience: String,
    clock: Clock,
    read_keys: Box<dyn Fn() -> Keys + Send + Sync>,
    known: RwLock<Known>,
    /// When an unknown key last made the keys be read again.
    reread_at: tokio::sync::Mutex<Option<Timestamp>>,
}

impl AccessGate {
    /// A gate for tokens of this deployment (settings `ISSUER`, `AUDIENCE`) that are signed with one
    /// of the keys that `read_keys` reads.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new<F, E>(
        cloud: &Cloud,
        read_keys: impl Fn() -> F + Send + Sync + 'static,
    ) -> Result<Self, SettingError>
    where
        F: Future<Output = Result<Vec<PublicKey>, E>> + Send + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let (issuer, audience) = (cloud.settings().text("ISSUER")?, cloud.settings().text("AUDIENCE")?);
        let verifier = Arc::new(Verifier::new(issuer.clone(), audience.clone(), &[]));
        Ok(Self {
            issuer,
            audience,
            clock: cloud.clock(),
            read_keys: Box::new(move || {
                let keys = read_keys();
                Box::pin(async move { keys.await.map_err(Unread::from) })
            }),
            known: RwLock::new(Known { verifier, read_at: None }),
            reread_at: tokio::sync::Mutex::new(None),
        })
    }

    async fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Problem> {
        let verified = match self.recent(now).await.verify(token, now) {
            Err(Rejected::UnknownKey) => self.newest(now).await?.verify(token, now),
            judged => judged,
        };
        verified.map_err(|rejected| match rejected {
            Rejected::Expired => Problem::of(ProblemType::TokenExpired),
            Rejected::UnknownKey | Rejected::Invalid => Problem::of(ProblemType::InvalidToken),
        })
    }

    /// The keys as they were read a few minutes ago at most, if they can be read.
    async fn recent(&self, now: Timestamp) -> Arc<Verifier> {
        let Known { verifier, read_at } = self.known();
        if read_at.is_none_or(|at| now.since(at) < Ring::KEPT_FOR) {
            return verifier;
        }
        // Whatever the request needs of the table will say that it does not answer.
        self.reread().await.unwrap_or(verifier)
    }

    /// The keys as they were read just now, or a moment ago: whoever comes while they are being read
    /// waits for them.
    async fn newest(&self, now: Timestamp) -> Result<Arc<Verifier>, Problem> {
        let mut reread_at = self.reread_at.lock().await;
        if reread_at.is_some_and(|at| now.since(at) < MIN_TIME_BETWEEN_READS) {
            return Ok(self.known().verifier);
        }
        // If it fails, the next request may try at once: nothing was learned by this one.
        let verifier = self.reread().await?;
        *reread_at = Some(now);
        Ok(verifier)
    }

    async fn reread(&self) -> Result<Arc<Verifier>, Problem> {
        let read_at = self.clock.now();
        let keys = (self.read_keys)().await.map_err(|error| {
            error!(cause = chain(&*error), "the public keys were not read");
            Problem::unavailable()
        })?;
        let verifier = Arc::new(Verifier::new(self.issuer.clone(), self.audience.clone(), &keys));
        let known = Known { verifier: Arc::clone(&verifier), read_at: Some(read_at) };
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = known;
        Ok(verifier)
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Caller for SignedIn {
    type Gate = AccessGate;
    const TAKES_TOKEN: bool = true;
    const PROBLEMS: &'static [ProblemType] = &[ProblemType::InvalidToken, ProblemType::TokenExpired];

    async fn admit(gate: &AccessGate, head: Head, now: Timestamp) -> Result<Self, Problem> {
        let token = head.bearer_token().ok_or(Problem::of(ProblemType::InvalidToken))?;
        let claims = gate.verify(token, now).await?;
        Ok(Self { user_id: claims.user_id, session_id: claims.session_id, scope: claims.scope, head })
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn user(&self) -> Option<UserId> {
        Some(self.user_id)
    }

    async fn warm(gate: &AccessGate) {
        // Does not count as a re-read: a key published after this start is still found at once.
        let _ = gate.reread().await;
    }
}
