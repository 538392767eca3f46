//! Seeds, from which keys and peppers are derived.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::{Secret, SigningAlgorithm};

/// A shorter seed does not have the 256 bits that are derived from it, in any alphabet (64 alphanumeric
/// characters have 381).
const MIN_CHARACTERS: usize = 43;
/// The alphabet of new seeds, with six bits a character.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A random text, which is never displayed.
#[derive(Clone, PartialEq, Eq)]
pub struct Seed(Zeroizing<String>);

/// The material of a key. Its seed serves one algorithm only.
#[derive(Clone)]
pub struct KeyMaterial {
    seed: Seed,
    algorithm: SigningAlgorithm,
    /// The private key of RSA, which is not derived from the seed.
    private_key: Option<Secret>,
}

/// The seeds of the keys secret in use at a time: the current one signs, all of them verify.
#[derive(Clone)]
pub struct Seeds {
    /// Current first; never empty.
    pub(crate) keys: Vec<KeyMaterial>,
}

/// The seeds of the credentials secret in use at a time: the current one makes hashes, all of them verify.
#[derive(Clone)]
pub struct PepperSeeds {
    /// Current first; never empty.
    pub(crate) peppers: Vec<Seed>,
    /// The keys of a secret that has both, current first.
    pub(crate) keys: Vec<Seed>,
}

/// The content of a secret is malformed. The message does not contain it.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "the secret is malformed: the keys secret is a JSON object with `seed`, at least 43 random characters, or with \
     `keys`; the credentials secret is one with `pepper`, or with `peppers`; a key has a known `algorithm`, and a \
     `private_key` if that is RSA"
)]
pub struct InvalidSeeds;

impl Seed {
    /// Creates a seed from random bytes.
    #[must_use]
    pub fn of(random: &[u8; 64]) -> Self {
        Self(Zeroizing::new(random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)])).collect()))
    }

    /// Parses a seed.
    ///
    /// # Errors
    /// [`InvalidSeeds`] if the text is too short, or has too few different characters to be random.
    pub fn parse(text: String) -> Result<Self, InvalidSeeds> {
        let text = Zeroizing::new(text);
        let distinct = text.bytes().collect::<std::collections::HashSet<_>>().len();
        // Texts such as "aaaa…" or "change-me-change-me-…" are not seeds: 43 random characters have far more
        // variety.
        if text.len() < MIN_CHARACTERS || distinct < 16 { Err(InvalidSeeds) } else { Ok(Self(text)) }
    }

    /// Returns the bytes from which keys are derived.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl KeyMaterial {
    /// Creates a key that signs with `algorithm`: with its own private key (PKCS #8 in base64url) for RSA,
    /// otherwise with a derived one.
    ///
    /// # Errors
    /// [`InvalidSeeds`] if a private key is missing for RSA, or given for another algorithm.
    pub fn new(
        seed: Seed,
        algorithm: SigningAlgorithm,
        private_key: Option<Secret>,
    ) -> Result<Self, InvalidSeeds> {
        if algorithm.is_rsa() == private_key.is_some() {
            Ok(Self { seed, algorithm, private_key })
        } else {
            Err(InvalidSeeds)
        }
    }

    /// Creates a key of ES256, the only algorithm of earlier releases.
    pub(crate) const fn first(seed: Seed) -> Self {
        Self { seed, algorithm: SigningAlgorithm::Es256, private_key: None }
    }

    /// Returns the seed, from which all keys except RSA signing keys are derived.
    #[must_use]
    pub const fn seed(&self) -> &Seed {
        &self.seed
    }

    /// Returns the algorithm that signs access tokens.
    #[must_use]
    pub const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Returns the private key of RSA, as PKCS #8 in base64url.
    #[must_use]
    pub const fn private_key(&self) -> Option<&Secret> {
        self.private_key.as_ref()
    }
}

impl Seeds {
    /// Returns the seed for new tokens.
    #[must_use]
    pub fn current(&self) -> &[u8] {
        self.signing().map(|key| key.seed.bytes()).unwrap_or_default()
    }

    /// Returns the key that signs access tokens.
    #[must_use]
    pub fn signing(&self) -> Option<&KeyMaterial> {
        self.keys.first()
    }

    /// Returns all seeds: the current one, then [`Self::others`].
    pub fn all(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().map(|key| key.seed.bytes())
    }

    /// Returns the seeds of other tokens that can still be valid.
    pub fn others(&self) -> impl Iterator<Item = &[u8]> {
        self.keys.iter().skip(1).map(|key| key.seed.bytes())
    }
}

impl PepperSeeds {
    /// Returns the seed of the pepper for new hashes.
    #[must_use]
    pub fn current(&self) -> &[u8] {
        self.peppers.first().map(Seed::bytes).unwrap_or_default()
    }

    /// Returns the seeds of all other peppers.
    pub fn others(&self) -> impl Iterator<Item = &[u8]> {
        self.peppers.iter().skip(1).map(Seed::bytes)
    }

    /// Returns the seeds that seal stored responses: the first seals, all of them open. The keys of a secret
    /// that has both come last, so that stored responses of an older version can be opened.
    pub fn of_receipts(&self) -> impl Iterator<Item = &[u8]> {
        self.peppers.iter().chain(&self.keys).map(Seed::bytes)
    }
}
