//! Asking for the current password again: a stolen session, or a device left open, must not be enough to take
//! over an account.

use std::sync::Arc;

use api::{NotAdmitted, Problem, ProblemType, SignedIn};
use cloud::{Clock, Cloud, FromSecret, SecretUnavailable, SettingError, chain};
use credentials::{HashFailed, Hasher, Verdict};
use domain::{Allowance, Credential, InvalidPassword, Password, Secret, User, UserId};
use store::{Failure, Identities, Limit, NotReserved};
use thiserror::Error;
use tracing::warn;

/// What the attempts are at: of their own, so that guessing at log-in takes nobody's away.
const LIMIT: &str = "re-entry";

/// Compares what somebody who is signed in enters with their password.
pub struct Reentry {
    identities: Identities,
    hasher: FromSecret<Hasher>,
    guesses: Allowance,
    clock: Clock,
}

/// A user whose password was entered again, as it was read then.
pub struct Proven {
    /// The user.
    pub user: User,
    /// What proved them.
    pub credential: Credential,
    pub(crate) password: Password,
}

/// Why somebody is not who they say they are, or nobody can tell.
#[derive(Debug, Error)]
pub enum NotProven {
    /// The password is another one.
    #[error("the password is not the user's")]
    WrongPassword,
    /// Password or address have been changed, which has ended the session.
    #[error("the session has ended")]
    Ended,
    /// The caller is not admitted.
    #[error(transparent)]
    NotAdmitted(#[from] NotAdmitted),
    /// Too many attempts; some may be made after these seconds.
    #[error("too many attempts")]
    RateLimited(u32),
    /// The pepper could not be read.
    #[error("no pepper")]
    NoPepper(#[from] SecretUnavailable),
    /// The password could not be compared.
    #[error("no hash")]
    NoHash(#[from] HashFailed),
    /// The tables failed.
    #[error("not read")]
    NotRead(#[from] Failure),
}

impl Reentry {
    /// What the settings say: besides those of [`crate::hasher`], `LOG_IN_ATTEMPTS_PER_ADDRESS`.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud, identities: &Identities) -> Result<Self, SettingError> {
        Ok(Self {
            identities: identities.clone(),
            hasher: crate::hasher(cloud)?,
            guesses: Allowance::of_guesses(cloud.settings().parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
            clock: cloud.clock(),
        })
    }

    /// Prepares for the first request.
    pub async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.hasher.get().await;
    }

    /// What compared the password, for a new one.
    ///
    /// # Errors
    /// If the pepper cannot be read.
    pub async fn hasher(&self) -> Result<Arc<Hasher>, SecretUnavailable> {
        self.hasher.get().await
    }

    /// Compares the password with that of the caller. The attempt is reserved first; after a success, call
    /// [`Self::forgive`] beside the next step.
    ///
    /// # Errors
    /// [`NotProven`].
    pub async fn prove(&self, caller: &SignedIn, password: &Secret) -> Result<Proven, NotProven> {
        let password = Password::presented(password)?;
        let limits = [self.limit(caller.user_id)];
        let user = caller.user().await?;
        let (credential, ()) = tokio::try_join!(self.credential_of(&user), async {
            Ok(self.identities.reserve(&limits, self.clock.now()).await?)
        })?;
        self.verify(&password, &credential).await?;
        Ok(Proven { user, credential, password })
    }

    /// Returns the caller as they are now, if what was entered is still their password.
    ///
    /// # Errors
    /// [`NotProven`].
    pub async fn again(&self, caller: &SignedIn, before: Proven) -> Result<Proven, NotProven> {
        let Proven { credential: known, password, .. } = before;
        let user = caller.user().await?;
        let credential = self.credential_of(&user).await?;
        if credential.password_hash != known.password_hash {
            self.verify(&password, &credential).await?;
        }
        Ok(Proven { user, credential, password })
    }

    /// Takes the attempt back, which was no guess. If this fails, the next attempts are fewer, no more.
    pub async fn forgive(&self, user: UserId) {
        if let Err(failure) = self.identities.forgive(&[self.limit(user)]).await {
            warn!(cause = chain(&failure), "attempts were not forgiven");
        }
    }

    fn limit(&self, user: UserId) -> Limit {
        Limit::of_user(LIMIT, user, self.guesses)
    }

    async fn credential_of(&self, user: &User) -> Result<Credential, NotProven> {
        let credential = self.identities.credential(user.email.canonical()).await?;
        // If it does not prove the user who was read a moment ago, both have changed, and the session has ended.
        credential.filter(|credential| credential.proves(user)).ok_or(NotProven::Ended)
    }

    async fn verify(&self, password: &Password, credential: &Credential) -> Result<(), NotProven> {
        let hasher = self.hasher.get().await?;
        let verdict = hasher.verify(password, Some(&credential.password_hash));
        match cloud::timed("HashTime", verdict).await? {
            Verdict::Match | Verdict::MatchButOutdated => Ok(()),
            Verdict::Mismatch => Err(NotProven::WrongPassword),
        }
    }
}

impl From<InvalidPassword> for NotProven {
    /// Longer than any password can be: no more is said than of any other wrong one.
    fn from(_: InvalidPassword) -> Self {
        Self::WrongPassword
    }
}

impl From<NotReserved> for NotProven {
    fn from(refused: NotReserved) -> Self {
        match refused {
            NotReserved::TooMany(seconds) => Self::RateLimited(seconds),
            NotReserved::Failed(failure) => Self::NotRead(failure),
        }
    }
}

impl From<NotProven> for Problem {
    fn from(not_proven: NotProven) -> Self {
        match not_proven {
            // Not 401: that is what an access token is refused with, and clients would refresh it.
            NotProven::WrongPassword => Self::of(ProblemType::ReauthenticationRequired),
            NotProven::Ended => Self::of(ProblemType::InvalidToken),
            NotProven::NotAdmitted(refused) => refused.into(),
            NotProven::RateLimited(seconds) => Self::rate_limited(seconds),
            NotProven::NoPepper(_) => Self::unavailable(),
            NotProven::NoHash(_) => Self::failure(false),
            NotProven::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
