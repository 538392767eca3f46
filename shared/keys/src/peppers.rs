//! The peppers, in their secret.

use cloud::{Clock, Cloud, Random, SettingError, StoredSecret};
use domain::{Ring, Seed};

use crate::{KeyringError, TURNS};

/// The peppers in the secret `CREDENTIALS_SECRET`.
pub struct Peppers {
    secret: StoredSecret,
    clock: Clock,
    random: Random,
}

impl Peppers {
    /// The peppers of this deployment.
    ///
    /// # Errors
    /// If the setting `CREDENTIALS_SECRET` is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let secret = StoredSecret::new(cloud, "CREDENTIALS_SECRET")?;
        Ok(Self { secret, clock: cloud.clock(), random: cloud.random() })
    }

    /// Reads the peppers.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn read(&self) -> Result<Ring, KeyringError> {
        Ok(Ring::parse_credentials(&self.secret.read().await?.0)?)
    }

    /// Adds a pepper, which makes new hashes as soon as every function has read it.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn add(&self) -> Result<Ring, KeyringError> {
        for _attempt in 0..TURNS {
            let (text, version) = self.secret.read().await?;
            let seed = Seed::of(&self.random.bytes());
            let changed = Ring::parse_credentials(&text)?.with_new_pepper(seed, self.clock.now());
            let text = changed.to_secret();
            if text.len() > StoredSecret::CAPACITY {
                return Err(KeyringError::Full);
            }
            if self.secret.replace(&version, &text, self.random.uuid()).await? {
                return Ok(changed);
            }
        }
        Err(KeyringError::Contended)
    }
}
