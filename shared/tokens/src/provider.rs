//! The cryptography below `jsonwebtoken`: AWS-LC, with each key parsed once.
//!
//! The library requests a signer or verifier for each token, and passes the key as bytes. Parsing a key costs
//! about as much as using it. Therefore the bytes are the number of a parsed key in this module.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aws_lc_rs::{hmac, signature::ParsedPublicKey};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature,
};

use crate::signing::Pair;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| Ok(Box::new(find(*algorithm, key.as_bytes())?)),
    verifier_factory: |algorithm, key| Ok(Box::new(find(*algorithm, key.try_get_as_bytes()?)?)),
    // No key comes from a token, and `jwk` parses the published ones.
    key_utils: KeyUtils::new_unimplemented(),
};

/// Whether the library uses [`PROVIDER`]. The first key installs it, and each token needs a key, so neither
/// the order of calls nor the number of threads matters. If another provider was installed before, no key can
/// be registered.
static IS_INSTALLED: LazyLock<bool> = LazyLock::new(|| PROVIDER.install_default().is_ok());

static KEYS: RwLock<BTreeMap<u64, Arc<Key>>> = RwLock::new(BTreeMap::new());
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(0);

/// A parsed key and its only algorithm.
struct Key {
    algorithm: Algorithm,
    material: Material,
}

/// The parsed forms of a key.
#[expect(clippy::large_enum_variant, reason = "a process has a handful, each behind a pointer")]
pub(crate) enum Material {
    /// A private key, which signs.
    Private(Pair),
    /// A public key, which verifies.
    Public(ParsedPublicKey),
    /// A shared secret, which verifies.
    Shared(hmac::Key),
}

/// A parsed key that the provider finds until this value is dropped.
pub(crate) struct KeptKey {
    number: u64,
    algorithm: Algorithm,
}

impl KeptKey {
    /// Registers a parsed key for use with `algorithm` only; `None` if the library uses another provider.
    pub(crate) fn new(algorithm: Algorithm, material: Material) -> Option<Self> {
        if !*IS_INSTALLED {
            return None;
        }
        let number = NEXT_NUMBER.fetch_add(1, Ordering::Relaxed);
        let key = Arc::new(Key { algorithm, material });
        KEYS.write().unwrap_or_else(PoisonError::into_inner).insert(number, key);
        Some(Self { number, algorithm })
    }

    /// Returns the key's only algorithm.
    pub(crate) const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns whether a holder of the key can both sign and verify with it.
    pub(crate) fn is_shared(&self) -> bool {
        self.algorithm.family() == AlgorithmFamily::Hmac
    }

    /// Returns the key in the library's type for signing.
    pub(crate) fn encoding_key(&self) -> EncodingKey {
        let number = self.number.to_be_bytes();
        match self.algorithm.family() {
            AlgorithmFamily::Hmac => EncodingKey::from_secret(&number),
            AlgorithmFamily::Rsa => EncodingKey::from_rsa_der(&number),
            AlgorithmFamily::Ec => EncodingKey::from_ec_der(&number),
            AlgorithmFamily::Ed => EncodingKey::from_ed_der(&number),
        }
    }

    /// Returns the key in the library's type for verification.
    pub(crate) fn decoding_key(&self) -> DecodingKey {
        let number = self.number.to_be_bytes();
        match self.algorithm.family() {
            AlgorithmFamily::Hmac => DecodingKey::from_secret(&number),
            AlgorithmFamily::Rsa => DecodingKey::from_rsa_der(&number),
            AlgorithmFamily::Ec => DecodingKey::from_ec_der(&number),
            AlgorithmFamily::Ed => DecodingKey::from_ed_der(&number),
        }
    }
}

impl Drop for KeptKey {
    fn drop(&mut self) {
        KEYS.write().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// Returns the key with a number, if `algorithm` is its own.
fn find(algorithm: Algorithm, number: &[u8]) -> Result<FoundKey, Error> {
    let number = number.try_into().map(u64::from_be_bytes).map_err(|_| ErrorKind::InvalidKeyFormat)?;
    let key = KEYS.read().unwrap_or_else(PoisonError::into_inner).get(&number).cloned();
    let key = key.filter(|key| key.algorithm == algorithm).ok_or(ErrorKind::InvalidAlgorithm)?;
    Ok(FoundKey(key))
}

/// A registered key in use for one token.
struct FoundKey(Arc<Key>);

impl signature::Signer<Vec<u8>> for FoundKey {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        match &self.0.material {
            Material::Private(pair) => pair.sign(message).map_err(|_| signature::Error::new()),
            Material::Public(_) | Material::Shared(_) => Err(signature::Error::new()),
        }
    }
}

impl signature::Verifier<Vec<u8>> for FoundKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        match &self.0.material {
            Material::Public(key) => key.verify_sig(message, signature),
            Material::Shared(key) => hmac::verify(key, message, signature),
            Material::Private(_) => return Err(signature::Error::new()),
        }
        .map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for FoundKey {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }
}

impl JwtVerifier for FoundKey {
    fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }
}
