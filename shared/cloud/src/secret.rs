//! Secrets, and values that are derived from them.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_sdk_secretsmanager::{
    Client, config::Builder, error::DisplayErrorContext,
    operation::update_secret_version_stage::UpdateSecretVersionStageError as NotMoved,
};
use domain::{InvalidSeeds, PepperSeeds, Ring, Seeds, Timestamp};
use thiserror::Error;
use tokio::{sync::Mutex, time::timeout};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{Clock, Cloud, SettingError, chain};

/// The label of the version that functions read.
const CURRENT: &str = "AWSCURRENT";
/// The label of a version that is not current yet. Versions without a label may be deleted.
const NEXT: &str = "GATEPOST_NEXT";

/// How long an outdated value is used after a failed read, before the next attempt.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// How long a caller with an outdated value waits for a newer one.
const PATIENCE: Duration = Duration::from_secs(1);
/// The secret is read again for an unknown key, but not more often than this, so that forged tokens cause no
/// load.
const MIN_TIME_BETWEEN_READS: Duration = Duration::from_secs(10);

/// A secret in Secrets Manager.
pub struct StoredSecret {
    client: Client,
    id: String,
}

/// The version of a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretVersion(String);

/// Keys, hashers or logins derived from a secret. The secret is read when it is first needed or warmed, read
/// again every five minutes, and kept through an outage of Secrets Manager of any length.
pub struct FromSecret<T> {
    secret: Arc<SharedSecret>,
    clock: Clock,
    derive: Box<Derive<T>>,
    kept: std::sync::Mutex<Option<Kept<T>>>,
}

struct Kept<T> {
    text: Text,
    derived: Arc<T>,
    /// The time from which another value is derived from the same text.
    changes_at: Option<Timestamp>,
}

type Text = Arc<Zeroizing<String>>;
type Derive<T> = dyn Fn(&str, Timestamp) -> Result<(T, Option<Timestamp>), SecretError> + Send + Sync;

/// The secrets that an environment has read. All values derived from one secret share its reads.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<std::sync::Mutex<BTreeMap<String, Arc<SharedSecret>>>>);

/// A secret as it was last read.
struct SharedSecret {
    secret: StoredSecret,
    read: RwLock<Option<Read>>,
    /// The time and the result of the last attempt to read.
    tried: Mutex<Option<(Timestamp, bool)>>,
}

#[derive(Clone)]
struct Read {
    text: Text,
    /// The time of the next read.
    good_until: Timestamp,
}

/// The secret could not be read or written. The message never contains its content.
#[derive(Debug, Error)]
pub enum SecretError {
    /// Secrets Manager did not respond, or refused.
    #[error("Secrets Manager: {0}")]
    Unanswered(String),
    /// The secret is malformed.
    #[error(transparent)]
    Malformed(#[from] InvalidSeeds),
    /// No value can be derived from the secret.
    #[error("cannot derive keys from the secret")]
    Underivable,
}

impl StoredSecret {
    /// The highest size of a secret in bytes.
    pub const CAPACITY: usize = 65_536;

    /// Creates the secret that the setting `name` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, name: &'static str) -> Result<Self, SettingError> {
        let id = cloud.settings().text(name)?;
        let config = Builder::from(cloud.sdk()).retry_partition(cloud.retries()).build();
        Ok(Self { client: Client::from_conf(config), id })
    }

    /// Reads the secret.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn read(&self) -> Result<(Zeroizing<String>, SecretVersion), SecretError> {
        let answer = self.client.get_secret_value().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| unanswered(&error))?;
        let version = SecretVersion(answer.version_id.unwrap_or_default());
        Ok((Zeroizing::new(answer.secret_string.unwrap_or_default()), version))
    }

    /// Replaces `version` by another text under the id `new`. Returns whether `version` was still current:
    /// one of two concurrent calls succeeds.
    ///
    /// # Errors
    /// [`SecretError`].
    pub async fn replace(&self, version: &SecretVersion, text: &str, new: Uuid) -> Result<bool, SecretError> {
        let put = self.client.put_secret_value().secret_id(&self.id).client_request_token(new);
        let put = put.secret_string(text).version_stages(NEXT);
        put.send().await.map_err(|error| unanswered(&error))?;
        let moved = self.client.update_secret_version_stage().secret_id(&self.id).version_stage(CURRENT);
        let moved = moved.move_to_version_id(new).remove_from_version_id(&version.0);
        match moved.send().await {
            Ok(_) => Ok(true),
            // The version has been replaced. An earlier call without a response may have moved the label,
            // or another version has taken the label from this one, which is then deleted.
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
    /// Wraps the value that `derive` returns for the secret in the setting `KEYS_SECRET`.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn keys(
        cloud: &Cloud,
        derive: impl Fn(&Seeds) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let derive = move |secret: &str, now| {
            let ring = Ring::parse_keys(secret)?;
            let derived = derive(&ring.seeds_at(now)).ok_or(SecretError::Underivable)?;
            Ok((derived, ring.changes_at(now)))
        };
        Self::derived(cloud, "KEYS_SECRET", Box::new(derive))
    }

    /// Wraps the value that `derive` returns for the secret in the setting `CREDENTIALS_SECRET`.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn credentials(
        cloud: &Cloud,
        derive: impl Fn(&PepperSeeds) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let derive = move |secret: &str, now| {
            let ring = Ring::parse_credentials(secret)?;
            let derived = derive(&ring.pepper_seeds_at(now)).ok_or(SecretError::Underivable)?;
            Ok((derived, ring.changes_at(now)))
        };
        Self::derived(cloud, "CREDENTIALS_SECRET", Box::new(derive))
    }

    /// Wraps the value that `read` returns for a secret of another kind in the setting `name`.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn of(
        cloud: &Cloud,
        name: &'static str,
        read: impl Fn(&str) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let derive = move |secret: &str, _| Ok((read(secret).ok_or(SecretError::Underivable)?, None));
        Self::derived(cloud, name, Box::new(derive))
    }

    fn derived(cloud: &Cloud, name: &'static str, derive: Box<Derive<T>>) -> Result<Self, SettingError> {
        let secret = cloud.secrets.shared(StoredSecret::new(cloud, name)?);
        Ok(Self { secret, clock: cloud.clock(), derive, kept: std::sync::Mutex::default() })
    }

    /// Returns the value derived from a secret that is at most a few minutes old, if it can be read.
    ///
    /// # Errors
    /// [`SecretError`] if it was never read. The next call tries again.
    pub async fn get(&self) -> Result<Arc<T>, SecretError> {
        let now = self.clock.now();
        let text = self.secret.recent(now).await?;
        self.of_text(&text, now).or_else(|failed| {
            let Some(before) = self.text() else { return Err(failed) };
            tracing::warn!(
                cause = chain(&failed),
                "failed to derive from the secret, using the previous value"
            );
            self.of_text(&before, now)
        })
    }

    /// Returns the value derived from the newest secret, for a caller who has met an unknown key. It may be
    /// some seconds old.
    ///
    /// # Errors
    /// [`SecretError`]: then it is unknown whether the key exists.
    pub async fn newest(&self) -> Result<Arc<T>, SecretError> {
        let now = self.clock.now();
        let text = self.secret.newest(now).await?;
        self.of_text(&text, now)
    }

    /// Derives again only if the text has changed, or the time for a change has come.
    fn of_text(&self, text: &Text, now: Timestamp) -> Result<Arc<T>, SecretError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |kept: &&Kept<T>| kept.text == *text && kept.changes_at.is_none_or(|change| now < change);
        if let Some(kept) = kept.as_ref().filter(is_same) {
            return Ok(Arc::clone(&kept.derived));
        }
        let (derived, changes_at) = (self.derive)(text, now)?;
        let derived = Arc::new(derived);
        *kept = Some(Kept { text: Arc::clone(text), derived: Arc::clone(&derived), changes_at });
        Ok(derived)
    }

    fn text(&self) -> Option<Text> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|kept| Arc::clone(&kept.text))
    }
}

impl Secrets {
    fn shared(&self, secret: StoredSecret) -> Arc<SharedSecret> {
        let mut secrets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new =
            |secret| Arc::new(SharedSecret { secret, read: RwLock::new(None), tried: Mutex::new(None) });
        Arc::clone(secrets.entry(secret.id.clone()).or_insert_with(|| new(secret)))
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl SharedSecret {
    /// Returns a text that is at most a few minutes old, if it can be read.
    async fn recent(&self, now: Timestamp) -> Result<Text, SecretError> {
        if let Some(text) = self.good_at(now) {
            return Ok(text);
        }
        let mut tried = self.tried.lock().await;
        // A concurrent request may have read it in the meantime.
        if let Some(text) = self.good_at(now) {
            return Ok(text);
        }
        let read = self.look(&mut tried, now).await;
        match (read, self.text()) {
            (Err(failed), Some(text)) => {
                tracing::warn!(cause = chain(&failed), "failed to read the secret, using the previous value");
                Ok(self.keep(text, now.plus(RETRY_AFTER)))
            }
            (read, _) => read,
        }
    }

    async fn newest(&self, now: Timestamp) -> Result<Text, SecretError> {
        let mut tried = self.tried.lock().await;
        match (*tried, self.text()) {
            (Some((at, false)), _) if now.since(at) < MIN_TIME_BETWEEN_READS => {
                Err(SecretError::Unanswered("the last attempt failed a moment ago".to_owned()))
            }
            (Some((at, true)), Some(text)) if now.since(at) < MIN_TIME_BETWEEN_READS => {
                Ok(self.keep(text, now.plus(Ring::KEPT_FOR)))
            }
            _ => self.look(&mut tried, now).await,
        }
    }

    async fn look(&self, tried: &mut Option<(Timestamp, bool)>, now: Timestamp) -> Result<Text, SecretError> {
        let read = if self.text().is_some() {
            let late = SecretError::Unanswered("timed out".to_owned());
            timeout(PATIENCE, self.secret.read()).await.unwrap_or(Err(late))
        } else {
            self.secret.read().await
        };
        *tried = Some((now, read.is_ok()));
        let text = Arc::new(read?.0);
        Ok(self.keep(text, now.plus(Ring::KEPT_FOR)))
    }

    fn keep(&self, text: Text, good_until: Timestamp) -> Text {
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        *read = Some(Read { text: Arc::clone(&text), good_until });
        text
    }

    fn good_at(&self, now: Timestamp) -> Option<Text> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().filter(|read| now < read.good_until).map(|read| Arc::clone(&read.text))
    }

    fn text(&self) -> Option<Text> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.as_ref().map(|read| Arc::clone(&read.text))
    }
}

fn unanswered(error: &(dyn std::error::Error + 'static)) -> SecretError {
    SecretError::Unanswered(DisplayErrorContext(error).to_string())
}
