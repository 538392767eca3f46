//! The present password, asked for again: a stolen session, or a device left open, must not be enough
//! to take an account over.

use std::sync::Arc;

use api::{Problem, ProblemType, SignedIn};
use cloud::{Clock, Cloud, FromSecret, SecretUnavailable, SettingError, chain};
use credentials::{HashFailed, Hasher, Verdict};
use domain::{Allowance, Credential, InvalidPassword, Password, Secret, Status, User, UserId};
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
    /// There is no such user any more, or they may not sign in; the access token has not died yet.
    #[error("the user may not sign in")]
    Ended,
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

    /// Compares the password with the one of the caller. The attempt is reserved before; whoever goes
    /// on calls [`Self::forgive`] beside what comes next.
    ///
    /// # Errors
    /// [`NotProven`].
    pub async fn prove(&self, caller: &SignedIn, password: &Secret) -> Result<Proven, NotProven> {
        let password = Password::presented(password)?;
        let limits = [self.limit(caller.user_id)];
        let (user, ()) = tokio::try_join!(
            async { Ok::<_, NotProven>(self.identities.user(caller.user_id).await?) },
            async { Ok(self.identities.reserve(&limits, self.clock.now()).await?) }
        )?;
        let (user, credential) = self.credential_of(user).await?;
        self.verify(&password, &credential).await?;
        Ok(Proven { user, credential, password })
    }

    /// The same user as they are now, if what was entered still is their password.
    ///
    /// # Errors
    /// [`NotProven`].
    pub async fn again(&self, before: Proven) -> Result<Proven, NotProven> {
        let Proven { user, credential: known, password } = before;
        let (user, credential) = self.credential_of(self.identities.user(user.id).await?).await?;
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

    async fn credential_of(&self, user: Option<User>) -> Result<(User, Credential), NotProven> {
        let user = user.filter(|user| user.status == Status::Active).ok_or(NotProven::Ended)?;
        let credential = self.identities.credential(user.email.canonical()).await?;
        // If it proves no more what was read a moment ago, both have changed: the session has ended.
        let credential = credential.filter(|credential| credential.proves(&user)).ok_or(NotProven::Ended)?;
        Ok((user, credential))
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
            NotProven::RateLimited(seconds) => Self::rate_limited(seconds),
            NotProven::NoPepper(_) => Self::unavailable(),
            NotProven::NoHash(_) => Self::failure(false),
            NotProven::NotRead(failure) => Self::failure(failure.is_retryable()),
        }
    }
}
