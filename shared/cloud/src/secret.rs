//! Secrets, and what is derived from them.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client, config::Builder, error::DisplayErrorContext,
    operation::update_secret_version_stage::UpdateSecretVersionStageError as NotMoved,
};
use domain::{MalformedSeeds, Ring, Seeds, Timestamp};
use thiserror::Error;
use tokio::{sync::Mutex, time::timeout};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Clock, Cloud, SettingError, chain};

/// The label of the version that everybody reads.
const CURRENT: &str = "AWSCURRENT";
/// The label of a version that is not the current one yet: there is none without a label.
const NEXT: &str = "GATEPOST_NEXT";

/// After a failure, what was read before is used for so long before it is tried again.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// Whoever has something to go on with waits no longer for something newer.
const PATIENCE: Duration = Duration::from_secs(1);
/// A key that nobody knows makes the secret be read again, but not more often than this: forged tokens
/// must not make work.
const MIN_TIME_BETWEEN_READS: Duration = Duration::from_secs(10);

/// A secret in Secrets Manager.
pub struct StoredSecret {
    client: Client,
    id: String,
}

/// Which version of a secret it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion(String);

/// Keys, hashers or logins that are derived from a secret: fetched when first needed or warmed, read
/// again every five minutes, and kept through an outage of Secrets Manager, however long.
pub struct FromSecret<T> {
    secret: StoredSecret,
    clock: Clock,
    derive: Box<Derive<T>>,
    kept: RwLock<Option<Kept<T>>>,
    /// When it was last tried to be read, and whether it was.
    tried: Mutex<Option<(Timestamp, bool)>>,
}

struct Kept<T> {
    text: Zeroizing<String>,
    derived: Arc<T>,
    /// When other keys are to be used, whatever is read.
    changes_at: Option<Timestamp>,
    /// When to look again.
    good_until: Timestamp,
}

type Derive<T> = dyn Fn(&str, Timestamp) -> Result<(T, Option<Timestamp>), SecretUnavailable> + Send + Sync;

/// The secret could not be read or written. Never says what it holds.
#[derive(Debug, Error)]
pub enum SecretUnavailable {
    /// Secrets Manager did not answer, or refused.
    #[error("Secrets Manager: {0}")]
    Unanswered(String),
    /// The secret is not what it must be.
    #[error(transparent)]
    Malformed(#[from] MalformedSeeds),
    /// No key can be made of it.
    #[error("nothing can be derived from the secret")]
    Underivable,
}

impl StoredSecret {
    /// How many bytes a secret holds at most.
    pub const CAPACITY: usize = 65_536;

    /// The secret that the setting `name` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, name: &'static str) -> Result<Self, SettingError> {
        let id = cloud.settings().text(name)?;
        let config = Builder::from(cloud.sdk()).retry_partition(cloud.retries()).build();
        Ok(Self { client: Client::from_conf(config), id })
    }

    /// What it holds.
    ///
    /// # Errors
    /// [`SecretUnavailable`].
    pub async fn read(&self) -> Result<(Zeroizing<String>, SecretVersion), SecretUnavailable> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| unanswered(&error))?;
        let version = SecretVersion(answer.version_id.unwrap_or_default());
        Ok((Zeroizing::new(answer.secret_string.unwrap_or_default()), version))
    }

    /// Puts another text in the place of `version`, under the id `new`. Says whether it still was the current
    /// one: of two at once, one succeeds.
    ///
    /// # Errors
    /// [`SecretUnavailable`].
    pub async fn replace(
        &self,
        version: &SecretVersion,
        text: &str,
        new: Uuid,
    ) -> Result<bool, SecretUnavailable> {
        let put = self.client.put_secret_value().secret_id(&self.id).client_request_token(new);
        let put = put.secret_string(text).version_stages(NEXT);
        put.send().await.map_err(|error| unanswered(&error))?;
        let moved = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(CURRENT);
        let moved = moved.move_to_version_id(new).remove_from_version_id(&version.0);
        match moved.send().await {
            Ok(_) => Ok(true),
            // Not the current one any more, perhaps since the label was moved by a call whose answer was lost. Or
            // somebody else's next version has taken the label from ours, which is then gone.
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(NotMoved::InvalidParameterException(_) | NotMoved::ResourceNotFoundException(_))
                ) =>
            {
                Ok(self.read().await?.1 == SecretVersion(new.to_string()))
            }
            Err(error) => Err(unanswered(&error)),
        }
    }
}

impl<T> FromSecret<T> {
    /// What `derive` makes of the secret that the setting `KEYS_SECRET` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(
        cloud: &Cloud,
        derive: impl Fn(&Seeds) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let derive = move |secret: &str, now| {
            let ring = Ring::parse(secret)?;
            let derived = derive(&ring.seeds_at(now)).ok_or(SecretUnavailable::Underivable)?;
            Ok((derived, ring.changes_at(now)))
        };
        Self::derived(cloud, "KEYS_SECRET", Box::new(derive))
    }

    /// What `read` makes of a secret of another kind, which the setting `name` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn of(
        cloud: &Cloud,
        name: &'static str,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let derive = move |secret: &str, _| Ok((read(secret).ok_or(SecretUnavailable::Underivable)?, None));
        Self::derived(cloud, name, Box::new(derive))
    }

    fn derived(cloud: &Cloud, name: &'static str, derive: Box<Derive<T>>) -> Result<Self, SettingError> {
        let secret = StoredSecret::new(cloud, name)?;
        Ok(Self { secret, clock: cloud.clock(), derive, kept: RwLock::new(None), tried: Mutex::new(None) })
    }

    /// What was derived, of a secret that was read a few minutes ago at most, if it can be read.
    ///
    /// # Errors
    /// [`SecretUnavailable`] if it was never read; the next call tries again.
    pub async fn get(&self) -> Result<Arc<T>, SecretUnavailable> {
        let now = self.clock.now();
        if let Some(derived) = self.good_at(now) {
            return Ok(derived);
        }
        let mut tried = self.tried.lock().await;
        // Whoever waited for somebody else's reading has it now.
        if let Some(derived) = self.good_at(now) {
            return Ok(derived);
        }
        let read = self.look(&mut tried, now).await;
        match (read, self.text()) {
            (Err(failed), Some(text)) => {
                tracing::warn!(cause = chain(&failed), "the secret is used as it was read before");
                self.keep(text, now, RETRY_AFTER)
            }
            (read, _) => read,
        }
    }

    /// What is derived from the secret as it is now, or was seconds ago: for who has met a key that it does
    /// not know.
    ///
    /// # Errors
    /// [`SecretUnavailable`]: then nobody can tell whether there is such a key.
    pub async fn newest(&self) -> Result<Arc<T>, SecretUnavailable> {
        let now = self.clock.now();
        let mut tried = self.tried.lock().await;
        match (*tried, self.text()) {
            (Some((at, false)), _) if now.since(at) < MIN_TIME_BETWEEN_READS => {
                Err(SecretUnavailable::Unanswered("it did not answer a moment ago".to_owned()))
            }
            (Some((at, true)), Some(text)) if now.since(at) < MIN_TIME_BETWEEN_READS => {
                self.keep(text, now, Ring::KEPT_FOR)
            }
            _ => self.look(&mut tried, now).await,
        }
    }

    async fn look(
        &self,
        tried: &mut Option<(Timestamp, bool)>,
        now: Timestamp,
    ) -> Result<Arc<T>, SecretUnavailable> {
        let read = if self.text().is_some() {
            let late = SecretUnavailable::Unanswered("it takes too long".to_owned());
            timeout(PATIENCE, self.secret.read()).await.unwrap_or(Err(late))
        } else {
            self.secret.read().await
        };
        let kept = read.and_then(|(text, _)| self.keep(text, now, Ring::KEPT_FOR));
        *tried = Some((now, kept.is_ok()));
        kept
    }

    /// Derives anew, unless nothing is other than before.
    fn keep(
        &self,
        text: Zeroizing<String>,
        now: Timestamp,
        time: Duration,
    ) -> Result<Arc<T>, SecretUnavailable> {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let same =
            kept.take_if(|kept| kept.text == text && kept.changes_at.is_none_or(|change| now < change));
        let (derived, changes_at) = match same {
            Some(Kept { derived, changes_at, .. }) => (derived, changes_at),
            None => (self.derive)(&text, now).map(|(derived, changes_at)| (Arc::new(derived), changes_at))?,
        };
        let good_until = changes_at.map_or(now.plus(time), |change| change.min(now.plus(time)));
        *kept = Some(Kept { text, derived: Arc::clone(&derived), changes_at, good_until });
        Ok(derived)
    }

    fn good_at(&self, now: Timestamp) -> Option<Arc<T>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|kept| now < kept.good_until).map(|kept| Arc::clone(&kept.derived))
    }

    fn text(&self) -> Option<Zeroizing<String>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|kept| kept.text.clone())
    }
}

fn unanswered(error: &(dyn std::error::Error + 'static)) -> SecretUnavailable {
    SecretUnavailable::Unanswered(DisplayErrorContext(error).to_string())
}
