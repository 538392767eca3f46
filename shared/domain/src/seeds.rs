//! What keys and peppers are derived from.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Secret, SigningAlgorithm};

/// A seed shorter than this does not hold the 256 bits that are derived from it, whatever
/// alphabet it is written in (64 alphanumeric characters hold 381).
const MIN_CHARACTERS: usize = 43;
/// What a new seed is written in: six bits a character.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A random text. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<String>);

/// What a key of the ring is made of. What is derived of the seed for signing is good for one algorithm.
#[derive(Clone)]
pub struct KeyMaterial {
    seed: Seed,
    algorithm: SigningAlgorithm,
    /// Of RSA, which is not derived of the seed.
    private_key: Option<Secret>,
}

/// The seeds of the keys secret in use at one moment: the current one signs, all of them verify.
#[derive(Clone)]
pub struct Seeds {
    /// Current first; never empty.
    pub(crate) keys: Vec<KeyMaterial>,
}

/// The seeds of the credentials secret in use at one moment: the current one makes hashes, all of them
/// verify.
#[derive(Clone)]
pub struct PepperSeeds {
    /// Current first; never empty.
    pub(crate) peppers: Vec<Seed>,
    /// The keys of a secret that holds both, current first.
    pub(crate) keys: Vec<Seed>,
}

/// The content of a secret is malformed. The message says nothing of the content.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the secret is malformed: the keys secret is a JSON object with `seed`, at least 43 random characters, or with \
     `keys`; the credentials secret is one with `pepper`, or with `peppers`; a key has a known `algorithm`, and a \
     `private_key` if that is RSA"
)]
pub struct MalformedSeeds;

impl Seed {
    /// A seed of these random bytes.
    #[must_use]
    pub fn of(random: &[u8; 64]) -> Self {
        Self(Zeroizing::new(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()))
    }

    /// Takes a text that can be a seed.
    ///
    /// # Errors
    /// [`MalformedSeeds`] if it is too short or too plain to be random.
    pub fn parse(text: String) -> Result<Self, MalformedSeeds> {
        let text = Zeroizing::new(text);
        let distinct = text.bytes().collect::<std::collections::HashSet<_>>().len();
        // "aaaa…" or "change-me-change-me-…" is no seed: 43 random characters have far more variety.
        if text.len() < MIN_CHARACTERS || distinct < 16 { Err(MalformedSeeds) } else { Ok(Self(text)) }
    }

    /// What keys are derived from.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl KeyMaterial {
    /// A key that signs by `algorithm`: by a private key of its own (PKCS #8 in base64url) if that is RSA, else
    /// by one that is derived.
    ///
    /// # Errors
    /// [`MalformedSeeds`] if there is a private key where none belongs, or none where one does.
    pub fn new(
        seed: Seed,
        algorithm: SigningAlgorithm,
        private_key: Option<Secret>,
    ) -> Result<Self, MalformedSeeds> {
        if algorithm.is_rsa() == private_key.is_some() {
            Ok(Self { seed, algorithm, private_key })
        } else {
            Err(MalformedSeeds)
        }
    }

    /// A key of the algorithm that was the only one at first.
    pub(crate) const fn first(seed: Seed) -> Self {
        Self { seed, algorithm: SigningAlgorithm::Es256, private_key: None }
    }

    /// What everything but a signature is derived from, too.
    #[must_use]
    pub const fn seed(&self) -> &Seed {
        &self.seed
    }

    /// By what it signs access tokens.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// The private key of RSA: PKCS #8 in base64url.
    #[must_use]
    pub const fn private_key(&self) -> Option<&Secret> {
        self.private_key.as_ref()
    }
}

impl Seeds {
    /// The seed that new tokens are made with.
    #[must_use]
    pub fn current(&self) -> &[u8] {
        self.signing().map(|key| key.seed.bytes()).unwrap_or_default()
    }

    /// What signs access tokens.
    #[must_use]
    pub fn signing(&self) -> Option<&KeyMaterial> {
        self.keys.first()
    }

    /// Returns all seeds: the current one, then [`Self::others`].
    pub fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| key.seed.bytes())
    }

    /// Returns the seeds of tokens that are still alive.
    pub fn others(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().skip(1).map(|key| key.seed.bytes())
    }
}

impl PepperSeeds {
    /// Returns the seed of the pepper that new hashes are made with.
    #[must_use]
    pub fn current(&self) -> &[u8] {
        self.peppers.first().map(Seed::bytes).unwrap_or_default()
    }

    /// Returns the seeds of all other peppers.
    pub fn others(&self) -> impl Iterator<Item = &[u8]> {
        self.peppers.iter().skip(1).map(Seed::bytes)
    }

    /// Returns the seeds that receipts are sealed with: the first seals, all of them open. The keys of a
    /// secret that holds both come last, so that the receipts of an older version open.
    pub fn of_receipts(&self) -> impl Iterator<Item = &[u8]> {
        self.peppers.iter().chain(&self.keys).map(Seed::bytes)
    }
}
