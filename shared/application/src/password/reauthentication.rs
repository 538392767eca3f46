//! Asking for the current password again: a stolen session, or a device left open, must not be enough to take
//! over an account.

use std::sync::Arc;

use api::{Authenticated, Error, ProblemType};
use cloud::{Cloud, FromSecret, SettingError, chain};
use domain::{Credential, Password, RateLimit, Secret, User, UserId};
use hashing::{Hasher, Verdict};
use store::{Identities, Limit};
use tracing::warn;

/// The kind of the limit: guesses at log-in do not use up these attempts.
const LIMIT: &str = "re-entry";

/// Compares an entered password with that of the signed-in user.
pub struct Reauthentication {
    identities: Identities,
    hasher: FromSecret<Hasher>,
    guesses: RateLimit,
}

/// A user whose password was entered again, as they were read then.
#[derive(Clone)]
pub struct Reauthenticated {
    /// The user.
    pub user: User,
    /// The credential that the entered password matched.
    pub credential: Credential,
    pub(crate) password: Password,
}

impl Reauthentication {
    /// Reads the settings: those of [`super::hasher`], and `LOG_IN_ATTEMPTS_PER_ADDRESS`.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud, identities: &Identities) -> Result<Self, SettingError> {
        Ok(Self {
            identities: identities.clone(),
            hasher: super::hasher(cloud)?,
            guesses: RateLimit::of_guesses(cloud.settings().parsed("LOG_IN_ATTEMPTS_PER_ADDRESS")?),
        })
    }

    /// Prepares for the first request.
    pub async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.hasher.get().await;
    }

    /// Returns the hasher that compared the password, to hash a new one.
    ///
    /// # Errors
    /// If the pepper cannot be read.
    pub async fn hasher(&self) -> Result<Arc<Hasher>, Error> {
        Ok(self.hasher.get().await?)
    }

    /// Compares the password with that of the caller. The attempt is reserved first; after a success, call
    /// [`Self::refund`] beside the next step.
    ///
    /// # Errors
    /// [`ProblemType::ReauthenticationRequired`], [`ProblemType::RateLimited`], or if the session has ended.
    pub async fn prove(&self, caller: &Authenticated, password: &Secret) -> Result<Reauthenticated, Error> {
        // A text that is longer than any password is refused like every other wrong one.
        let password = Password::presented(password).map_err(|_| ProblemType::ReauthenticationRequired)?;
        let limits = [self.limit(caller.user_id)];
        let user = caller.user().await?;
        let (credential, ()) = tokio::try_join!(self.credential_of(&user), async {
            Ok(self.identities.reserve(&limits, caller.head.now).await?)
        })?;
        self.verify(&password, &credential).await?;
        Ok(Reauthenticated { user, credential, password })
    }

    /// Returns the proof for an attempt of a command. The first attempt takes `proven` as it is; each further one reads
    /// the caller again, and compares the password if it has changed.
    ///
    /// # Errors
    /// As [`Self::prove`].
    pub async fn for_attempt(
        &self,
        attempt: usize,
        caller: &Authenticated,
        proven: &Reauthenticated,
    ) -> Result<Reauthenticated, Error> {
        if attempt == 0 {
            return Ok(proven.clone());
        }
        let Reauthenticated { credential: known, password, .. } = proven.clone();
        let user = caller.user().await?;
        let credential = self.credential_of(&user).await?;
        if credential.password_hash != known.password_hash {
            self.verify(&password, &credential).await?;
        }
        Ok(Reauthenticated { user, credential, password })
    }

    /// Refunds the attempt, which was not a guess. If this fails, fewer attempts are left.
    pub async fn refund(&self, user: UserId) {
        if let Err(failure) = self.identities.refund(&[self.limit(user)]).await {
            warn!(cause = chain(&failure), "failed to refund the attempts");
        }
    }

    fn limit(&self, user: UserId) -> Limit {
        Limit::of_user(LIMIT, user, self.guesses)
    }

    async fn credential_of(&self, user: &User) -> Result<Credential, Error> {
        let credential = self.identities.credential(user.email.canonical()).await?;
        // If it does not prove the user who was read a moment ago, both have changed, and the session has ended.
        let credential = credential.filter(|credential| credential.proves(user));
        Ok(credential.ok_or(ProblemType::InvalidToken)?)
    }

    async fn verify(&self, password: &Password, credential: &Credential) -> Result<(), Error> {
        let hasher = self.hasher.get().await?;
        let verdict = hasher.verify(password, Some(&credential.password_hash));
        match cloud::timed("HashTime", verdict).await.map_err(Error::internal)? {
            Verdict::Match | Verdict::MatchButOutdated => Ok(()),
            // Not 401: that is what an access token is refused with, and clients would refresh it.
            Verdict::Mismatch => Err(ProblemType::ReauthenticationRequired.into()),
        }
    }
}
