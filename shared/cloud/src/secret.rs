//! Secrets, and what is derived from them.

use aws_sdk_secretsmanager::{Client, config::Builder, error::DisplayErrorContext};
use domain::{MalformedSeeds, Seeds};
use thiserror::Error;
use tokio::sync::OnceCell;

use crate::{Cloud, SettingError};

/// Keys, hashers or logins that are derived from a secret: fetched once, when first needed or warmed,
/// and kept, so that an outage of Secrets Manager does not stop a warm function.
pub struct FromSecret<T> {
    client: Client,
    secret_id: String,
    derive: Box<Derive<T>>,
    derived: OnceCell<T>,
}

type Derive<T> = dyn Fn(&str) -> Result<T, SecretUnavailable> + Send + Sync;

/// The secret could not be read. Never says what it holds.
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

impl<T> FromSecret<T> {
    /// What `derive` makes of the secret that the setting `KEYS_SECRET` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(
        cloud: &Cloud,
        derive: impl Fn(&Seeds) -> Option<T> + Send + Sync + 'static,
    ) -> Result<Self, SettingError> {
        let derive = move |secret: &str| derive(&Seeds::parse(secret)?).ok_or(SecretUnavailable::Underivable);
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
        let derive = move |secret: &str| read(secret).ok_or(SecretUnavailable::Underivable);
        Self::derived(cloud, name, Box::new(derive))
    }

    fn derived(cloud: &Cloud, name: &'static str, derive: Box<Derive<T>>) -> Result<Self, SettingError> {
        let secret_id = cloud.settings().text(name)?;
        let config = Builder::from(cloud.sdk()).retry_partition(cloud.retries()).build();
        let client = Client::from_conf(config);
        Ok(Self { client, secret_id, derive, derived: OnceCell::new() })
    }

    /// What was derived; the first call fetches the secret.
    ///
    /// # Errors
    /// [`SecretUnavailable`]; the next call tries again.
    pub async fn get(&self) -> Result<&T, SecretUnavailable> {
        self.derived.get_or_try_init(|| self.fetch()).await
    }

    async fn fetch(&self) -> Result<T, SecretUnavailable> {
        let answer = self.client.get_secret_value().secret_id(&self.secret_id).send().await;
        let answer =
            answer.map_err(|error| SecretUnavailable::Unanswered(DisplayErrorContext(error).to_string()))?;
        (self.derive)(answer.secret_string().unwrap_or_default())
    }
}
