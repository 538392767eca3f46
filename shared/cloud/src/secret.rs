//! The deployment's one secret, and what is derived from it.

use aws_sdk_secretsmanager::{Client, error::DisplayErrorContext};
use domain::{MalformedSeeds, Seeds};
use thiserror::Error;
use tokio::sync::OnceCell;

use crate::{Cloud, SettingError};

/// Keys or hashers that are derived from the secret: fetched once, when first needed or warmed,
/// and kept, so that an outage of Secrets Manager does not stop a warm function.
pub struct FromSecret<T> {
    client: Client,
    secret_id: String,
    derive: Box<Derive<T>>,
    derived: OnceCell<T>,
}

type Derive<T> = dyn Fn(&Seeds) -> Option<T> + Send + Sync;

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
    #[error("no key can be derived from the secret")]
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
        let secret_id = cloud.settings().text("KEYS_SECRET")?;
        let client = Client::new(cloud.sdk());
        Ok(Self { client, secret_id, derive: Box::new(derive), derived: OnceCell::new() })
    }

    /// What was derived; the first call fetches the secret.
    ///
    /// # Errors
    /// [`SecretUnavailable`]; the next call tries again.
    pub async fn get(&self) -> Result<&T, SecretUnavailable> {
        self.derived
            .get_or_try_init(|| async {
                let seeds = self.fetch().await?;
                (self.derive)(&seeds).ok_or(SecretUnavailable::Underivable)
            })
            .await
    }

    async fn fetch(&self) -> Result<Seeds, SecretUnavailable> {
        let answer = self.client.get_secret_value().secret_id(&self.secret_id).send().await;
        let answer =
            answer.map_err(|error| SecretUnavailable::Unanswered(DisplayErrorContext(error).to_string()))?;
        Ok(Seeds::parse(answer.secret_string().unwrap_or_default())?)
    }
}
