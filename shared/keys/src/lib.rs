//! Changing the deployment's secrets: the ring of keys with the table of its public keys, and the peppers.
//!
//! A secret is changed by one conditional write after the other. The content of the keys secret says what has
//! to be published, so that the next run can repeat every step. There is no lock: of two concurrent changes of
//! one version of a secret, one is refused and starts again from what the other has left.

mod peppers;
mod separation;

use std::time::Duration;

use cloud::{Clock, Cloud, Random, SecretError, SecretVersion, SettingError, StoredSecret};
use domain::{InvalidSeeds, KeyMaterial, KeyState, Receipt, Ring, Seed, SigningAlgorithm, Timestamp};
use store::{Identities, StoreError};
use thiserror::Error;
use tokens::KeyError;

pub use peppers::Peppers;
pub use separation::{Separated, Separation};

/// Somebody else changes the secret: after so many turns one gives up.
const TURNS: u32 = 5;

const NO_SUCH_ALGORITHM: SettingError = SettingError::new(
    "TOKEN_ALGORITHM",
    "must be ES256, ES384, EdDSA, RS256, RS384 or RS512; why not HS256, and what instead, is said in \
     docs/decisions/0023-token-algorithms.md",
);

/// The ring, in its secret.
pub struct Keyring {
    secret: StoredSecret,
    identities: Identities,
    /// What new keys sign by.
    algorithm: SigningAlgorithm,
    overlap: Duration,
    clock: Clock,
    random: Random,
}

/// Why the ring is not changed, or not published to the end. Whoever tries again goes on from there.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The secret could not be read or written.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The secret is not what it must be.
    #[error(transparent)]
    Malformed(#[from] InvalidSeeds),
    /// The table of public keys failed.
    #[error("the public keys were not published: {0}")]
    Unpublished(#[from] StoreError),
    /// A seed yields no key.
    #[error(transparent)]
    Underivable(#[from] KeyError),
    /// Others change the secret all the time.
    #[error("somebody else changes the secret: try again in a minute")]
    Contended,
    /// Secrets Manager keeps no more in a secret.
    #[error(
        "the secret is full of keys: rotate less often, or shorten SESSION_IDLE_SECONDS, for which each is kept"
    )]
    Full,
    /// The key signs, or will.
    #[error("the key signs, or is about to: only a retired one can be given up alone")]
    StillSigns,
    /// There is no such key.
    #[error("there is no such key in the ring")]
    NoSuchKey,
}

impl Keyring {
    /// The ring in the secret `KEYS_SECRET`. What is made with a key lives as long as the settings
    /// `ACCESS_TOKEN_SECONDS` and `SESSION_IDLE_SECONDS` say; new ones sign by `TOKEN_ALGORITHM`.
    ///
    /// # Errors
    /// If a setting is missing, or there is no such algorithm.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let settings = cloud.settings();
        let (access, idle) =
            (settings.seconds("ACCESS_TOKEN_SECONDS")?, settings.seconds("SESSION_IDLE_SECONDS")?);
        Ok(Self {
            secret: StoredSecret::new(cloud, "KEYS_SECRET")?,
            identities: Identities::new(cloud)?,
            algorithm: settings.text("TOKEN_ALGORITHM")?.parse().map_err(|_| NO_SUCH_ALGORITHM)?,
            // Who signs may learn late that another key does, if Secrets Manager does not answer.
            overlap: access.max(idle).max(Receipt::LIFETIME) + Ring::LEAD,
            clock: cloud.clock(),
            random: cloud.random(),
        })
    }

    /// This ring, whose new keys sign by another algorithm than the setting says.
    #[must_use]
    pub const fn signing_by(mut self, algorithm: SigningAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// The ring as it is.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn read(&self) -> Result<Ring, KeyringError> {
        Ok(self.read_version().await?.0)
    }

    /// Rotates if the current key has signed for as long as `every`, or by another algorithm than new keys do;
    /// completes in any case what somebody has begun.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn rotate_if_due(&self, every: Option<Duration>) -> Result<Ring, KeyringError> {
        let ring = self.read().await?;
        if ring.is_due(self.clock.now(), every, self.algorithm) {
            self.rotate().await
        } else {
            self.complete().await
        }
    }

    /// Rotates: adds a key, publishes it, and says when it signs. If another key is on its way, that is
    /// completed instead.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn rotate(&self) -> Result<Ring, KeyringError> {
        let new = self.new_key()?;
        self.change(|ring, now| Ok(ring.with_new_key(new.clone(), now))).await?;
        self.complete().await
    }

    /// Gives up a retired key before its time: what was made with it is worth nothing any more.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn retire(&self, kid: &str) -> Result<Ring, KeyringError> {
        self.change(|ring, now| {
            let mut kids = ring.keys_at(now).map(|(key, _)| tokens::public_key(key.material(), now));
            let index =
                kids.position(|key| key.is_ok_and(|key| key.kid == kid)).ok_or(KeyringError::NoSuchKey)?;
            ring.with_retired(index, now).map(Some).map_err(|_| KeyringError::StillSigns)
        })
        .await?;
        self.complete().await
    }

    /// Gives up every key, for one that signs immediately.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn revoke_all(&self) -> Result<Ring, KeyringError> {
        let new = self.new_key()?;
        self.change(|ring, now| Ok(Some(ring.revoked(new.clone(), now)))).await?;
        self.complete().await
    }

    /// Publishes what the ring holds; then the newest key may sign.
    async fn complete(&self) -> Result<Ring, KeyringError> {
        let ring = self.read().await?;
        self.publish(&ring).await?;
        let ring = self.change(|ring, now| Ok(ring.with_start(now, self.overlap))).await?;
        // From when it signs, and until when the others verify, is known only now.
        self.publish(&ring).await?;
        Ok(ring)
    }

    /// Changes the ring, if `change` makes another one of it.
    async fn change(
        &self,
        change: impl Fn(&Ring, Timestamp) -> Result<Option<Ring>, KeyringError>,
    ) -> Result<Ring, KeyringError> {
        for _turn in 0..TURNS {
            let (ring, version) = self.read_version().await?;
            let Some(changed) = change(&ring, self.clock.now())? else { return Ok(ring) };
            let text = changed.to_secret();
            if text.len() > StoredSecret::CAPACITY {
                return Err(KeyringError::Full);
            }
            // What is gone is not in the next ring: the table must know it before.
            self.publish(&ring).await?;
            if self.secret.replace(&version, &text, self.random.uuid()).await? {
                return Ok(changed);
            }
        }
        Err(KeyringError::Contended)
    }

    async fn publish(&self, ring: &Ring) -> Result<(), KeyringError> {
        let now = self.clock.now();
        for (key, state) in ring.keys_at(now) {
            let public = tokens::public_key(key.material(), key.signs_from(now))?;
            self.identities.publish_key(&public).await?;
            if state == KeyState::Pending {
                self.identities.start_key(&public.kid, public.not_before).await?;
            }
            if let Some(until) = key.until() {
                self.identities.retire_key(&public.kid, until).await?;
            }
        }
        Ok(())
    }

    async fn read_version(&self) -> Result<(Ring, SecretVersion), KeyringError> {
        let (text, version) = self.secret.read().await?;
        Ok((Ring::parse_keys(&text)?, version))
    }

    fn new_key(&self) -> Result<KeyMaterial, KeyError> {
        tokens::new_material(self.seed(), self.algorithm)
    }

    fn seed(&self) -> Seed {
        Seed::of(&self.random.bytes())
    }
}
