//! Moving the peppers of an older deployment, whose keys secret holds them, into the credentials secret.
//!
//! Each step is one conditional write, and says by itself whether it is still to be taken. So the move can be
//! repeated at any moment, and goes on where an earlier run broke off.

use cloud::{Cloud, Random, SettingError, StoredSecret};
use domain::Ring;

use crate::{KeyringError, TURNS};

/// The two secrets of a deployment.
pub struct Separation {
    keys: StoredSecret,
    credentials: StoredSecret,
    is_shared: bool,
    random: Random,
}

/// The outcome of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Separated {
    /// How many peppers were copied into the credentials secret.
    pub copied: usize,
    /// How many peppers were removed from the keys secret.
    pub removed: usize,
    /// Whether the functions still read the peppers from the keys secret, which therefore keeps them.
    pub is_shared: bool,
}

impl Separation {
    /// The secrets that the settings `KEYS_SECRET` and `OWN_CREDENTIALS_SECRET` name. The functions read the
    /// peppers from the one that `CREDENTIALS_SECRET` names.
    ///
    /// # Errors
    /// If a setting is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        Ok(Self {
            keys: StoredSecret::new(cloud, "KEYS_SECRET")?,
            credentials: StoredSecret::new(cloud, "OWN_CREDENTIALS_SECRET")?,
            is_shared: settings.text("CREDENTIALS_SECRET")? == settings.text("KEYS_SECRET")?,
            random: cloud.random(),
        })
    }

    /// Copies the peppers, and removes them from the keys secret once no function reads them there. A dry run
    /// only counts.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn run(&self, dry_run: bool) -> Result<Separated, KeyringError> {
        let mut done = Separated { copied: 0, removed: 0, is_shared: self.is_shared };
        for _attempt in 0..TURNS {
            let (text, version) = self.keys.read().await?;
            let keys = Ring::parse_keys(&text)?;
            let Some(credentials) = self.copy(&keys, dry_run, &mut done).await? else { continue };
            let stripped = keys.without_peppers(&credentials).filter(|_| !self.is_shared);
            let Some(stripped) = stripped else { return Ok(done) };
            if dry_run || self.keys.replace(&version, &stripped.to_secret(), self.random.uuid()).await? {
                done.removed = keys.peppers().count();
                return Ok(done);
            }
        }
        Err(KeyringError::Contended)
    }

    /// Copies the peppers that the credentials secret lacks. `None` if the secret has changed meanwhile.
    async fn copy(
        &self,
        keys: &Ring,
        dry_run: bool,
        done: &mut Separated,
    ) -> Result<Option<Ring>, KeyringError> {
        let (text, version) = self.credentials.read().await?;
        let credentials = Ring::parse_credentials(&text)?;
        // A credentials secret that is in use keeps its own current pepper.
        let Some(copied) = credentials.with_peppers_of(keys, self.is_shared) else {
            return Ok(Some(credentials));
        };
        let text = copied.to_secret();
        if text.len() > StoredSecret::CAPACITY {
            return Err(KeyringError::Full);
        }
        if !dry_run && !self.credentials.replace(&version, &text, self.random.uuid()).await? {
            return Ok(None);
        }
        done.copied += copied.peppers().count() - credentials.peppers().count();
        Ok(Some(copied))
    }
}
