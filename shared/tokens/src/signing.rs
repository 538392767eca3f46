//! The key that signs access tokens, and its public half as a JSON Web Key (RFC 7517).

use std::{collections::BTreeMap, sync::Arc};

use aws_lc_rs::{
    agreement,
    digest::{SHA256, digest},
    encoding::{AsDer, Pkcs8V1Der},
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
        EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512,
        RsaKeyPair, RsaSignatureEncoding, Signature,
    },
};
use domain::{KeyMaterial, PublicKey, Secret, Seed, SigningAlgorithm, Timestamp};
use jsonwebtoken::Header;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    KeyError, base64url,
    derive::derive,
    from_base64url,
    jwk::RSA_EXPONENT,
    jwt,
    provider::{KeptKey, Material},
};

/// 128 bits of security, like ES256 (NIST SP 800-57 part 1). Older keys of 2,048 bits sign and verify until
/// they retire.
const RSA_SIZE: KeySize = KeySize::Rsa3072;

/// The key that signs access tokens.
#[derive(Clone)]
pub(crate) struct SigningKey {
    key: Arc<KeptKey>,
    algorithm: SigningAlgorithm,
    kid: String,
    public_jwk: String,
}

/// The parsed private key of a signature scheme.
pub(crate) enum Pair {
    /// An elliptic curve.
    Ecdsa(EcdsaKeyPair, &'static Curve),
    /// Ed25519.
    Ed25519(Ed25519KeyPair),
    /// RSA with PKCS #1 padding and a hash.
    Rsa(RsaKeyPair, &'static RsaSignatureEncoding),
}

/// An elliptic curve, and the derivation of its keys.
pub(crate) struct Curve {
    name: &'static str,
    /// The label for the scalar.
    label: &'static [u8],
    agreement: &'static agreement::Algorithm,
    signing: &'static EcdsaSigningAlgorithm,
}

static P256: Curve = Curve {
    name: "P-256",
    label: b"gatepost/1/access-token/ES256",
    agreement: &agreement::ECDH_P256,
    signing: &ECDSA_P256_SHA256_FIXED_SIGNING,
};
static P384: Curve = Curve {
    name: "P-384",
    label: b"gatepost/1/access-token/ES384",
    agreement: &agreement::ECDH_P384,
    signing: &ECDSA_P384_SHA384_FIXED_SIGNING,
};

impl SigningKey {
    /// Creates the key from its material.
    pub(crate) fn of(material: &KeyMaterial) -> Result<Self, KeyError> {
        let seed = material.seed().bytes();
        let pair = match material.algorithm() {
            SigningAlgorithm::Es256 => P256.derive::<32>(seed),
            SigningAlgorithm::Es384 => P384.derive::<48>(seed),
            SigningAlgorithm::EdDsa => ed25519(seed),
            SigningAlgorithm::Rs256 => rsa(material.private_key(), &RSA_PKCS1_SHA256),
            SigningAlgorithm::Rs384 => rsa(material.private_key(), &RSA_PKCS1_SHA384),
            SigningAlgorithm::Rs512 => rsa(material.private_key(), &RSA_PKCS1_SHA512),
        };
        Self::keep(pair.ok_or(KeyError)?, material.algorithm()).ok_or(KeyError)
    }

    /// Registers the pair with the provider; `None` if the library uses another provider.
    fn keep(pair: Pair, algorithm: SigningAlgorithm) -> Option<Self> {
        let mut members = pair.required_members();
        let kid = thumbprint(&members);
        members.extend([
            ("alg", algorithm.name().to_owned()),
            ("kid", kid.clone()),
            ("use", "sig".to_owned()),
        ]);
        let key = KeptKey::new(algorithm.name().parse().ok()?, Material::Private(pair))?;
        Some(Self { key: Arc::new(key), algorithm, kid, public_jwk: to_json(&members) })
    }

    /// Returns the algorithm that it signs with.
    pub(crate) const fn algorithm(&self) -> SigningAlgorithm {
        self.algorithm
    }

    /// Returns whether the first signature is slow, because it prepares the others.
    pub(crate) const fn is_slow_at_first(&self) -> bool {
        self.algorithm.is_rsa()
    }

    /// Returns the public half of a key that signs from `not_before`.
    pub(crate) fn published(&self, not_before: Timestamp) -> PublicKey {
        PublicKey {
            kid: self.kid.clone(),
            jwk: self.public_jwk.clone(),
            algorithm: self.algorithm.name().to_owned(),
            not_before,
            retire_at: None,
        }
    }

    /// Returns the header of tokens with this `typ`, which names the key by its RFC 7638 thumbprint.
    pub(crate) fn header(&self, typ: &str) -> Header {
        jwt::header(&self.key, typ, &self.kid)
    }

    /// Returns a signed token.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot sign.
    pub(crate) fn sign(&self, header: &Header, claims: &impl Serialize) -> Result<String, KeyError> {
        jwt::sign(header, claims, &self.key)
    }
}

impl Pair {
    /// Signs as in RFC 7518, section 3, and RFC 8037, section 3.1.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let octets = |signature: Signature| signature.as_ref().to_vec();
        match self {
            Self::Ecdsa(pair, _) => pair.sign(&SystemRandom::new(), message).map(octets),
            Self::Ed25519(pair) => pair.try_sign(message).map(octets),
            Self::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &SystemRandom::new(), message, &mut signature).map(|()| signature)
            }
        }
    }

    /// Returns the members of the public key in RFC 7638, section 3.2, and RFC 8037, section 2.
    fn required_members(&self) -> BTreeMap<&'static str, String> {
        match self {
            Self::Ecdsa(pair, curve) => {
                // SEC 1: 0x04, then the two coordinates.
                let (_, coordinates) = pair.public_key().as_ref().split_at(1);
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                let (x, y) = (("x", base64url(x)), ("y", base64url(y)));
                [("crv", curve.name.to_owned()), ("kty", "EC".to_owned()), x, y].into()
            }
            Self::Ed25519(pair) => {
                let x = ("x", base64url(pair.public_key()));
                [("crv", "Ed25519".to_owned()), ("kty", "OKP".to_owned()), x].into()
            }
            Self::Rsa(pair, _) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                [("e", base64url(e)), ("kty", "RSA".to_owned()), ("n", base64url(n))].into()
            }
        }
    }
}

impl Curve {
    /// Derives the key from a seed. A scalar has `N` bytes.
    fn derive<const N: usize>(&'static self, seed: &[u8]) -> Option<Pair> {
        let candidates = (0..=u8::MAX).map(|counter| derive::<N>(seed, &[self.label, &[counter]]));
        Some(Pair::Ecdsa(self.first_pair(candidates)?, self))
    }

    /// Returns the first scalar that the curve accepts: not zero, and below its order. At most one random
    /// scalar in 2³² is refused (FIPS 186-5, A.2.2).
    fn first_pair<const N: usize>(
        &self,
        mut candidates: impl Iterator<Item = Zeroizing<[u8; N]>>,
    ) -> Option<EcdsaKeyPair> {
        candidates.find_map(|scalar| {
            let private = agreement::PrivateKey::from_private_key(self.agreement, &*scalar).ok()?;
            let public = private.compute_public_key().ok()?;
            EcdsaKeyPair::from_private_key_and_public_key(self.signing, &*scalar, public.as_ref()).ok()
        })
    }
}

/// RFC 8032, section 5.1.5: any 32 bytes are a private key.
fn ed25519(seed: &[u8]) -> Option<Pair> {
    let private = derive::<32>(seed, &[b"gatepost/1/access-token/EdDSA"]);
    Ed25519KeyPair::from_seed_unchecked(private.as_slice()).ok().map(Pair::Ed25519)
}

/// Parses a stored key, with the exponent that every verifier accepts.
fn rsa(private_key: Option<&Secret>, encoding: &'static RsaSignatureEncoding) -> Option<Pair> {
    let document = Zeroizing::new(from_base64url(private_key?.expose())?);
    let pair = RsaKeyPair::from_pkcs8(&document).ok()?;
    let is_usual = pair.public_key().exponent().big_endian_without_leading_zero() == RSA_EXPONENT;
    is_usual.then(|| Pair::Rsa(pair, encoding))
}

/// Creates the material of a new key from `seed`, and for RSA from a new private key, which takes a fraction
/// of a second.
///
/// # Errors
/// [`KeyError`] if the key cannot be created.
pub fn new_material(seed: Seed, algorithm: SigningAlgorithm) -> Result<KeyMaterial, KeyError> {
    let private_key = algorithm.is_rsa().then(new_rsa_key).transpose()?;
    KeyMaterial::new(seed, algorithm, private_key).map_err(|_| KeyError)
}

fn new_rsa_key() -> Result<Secret, KeyError> {
    let pair = RsaKeyPair::generate(RSA_SIZE).map_err(|_| KeyError)?;
    let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyError)?;
    Ok(Secret::from(base64url(document.as_ref())))
}

/// The thumbprint of RFC 7638: SHA-256 of the required members, sorted and without white space.
fn thumbprint(required: &BTreeMap<&'static str, String>) -> String {
    base64url(digest(&SHA256, to_json(required).as_bytes()))
}

fn to_json(members: &BTreeMap<&'static str, String>) -> String {
    // Serialization fails only for map keys that are not strings, or for a failing `Serialize`. Neither
    // exists here.
    serde_json::to_string(members).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_rsa_key_with_another_exponent_is_refused() {
        // A key of 2,048 bits with the exponent 3, created with `openssl genpkey`.
        let odd = include_str!("../tests/rsa-exponent-3.txt").split_whitespace().collect::<String>();
        let usual = new_rsa_key().expect("a key");
        assert!(RsaKeyPair::from_pkcs8(&from_base64url(&odd).expect("base64url")).is_ok());
        assert!(rsa(Some(&Secret::from(odd)), &RSA_PKCS1_SHA256).is_none());
        assert!(rsa(Some(&usual), &RSA_PKCS1_SHA256).is_some());
    }

    /// Returns a private RSA key of this size.
    fn rsa_of(size: KeySize) -> Option<Pair> {
        let pair = RsaKeyPair::generate(size).expect("a key");
        let document: Pkcs8V1Der<'_> = pair.as_der().expect("a document");
        rsa(Some(&Secret::from(base64url(document.as_ref()))), &RSA_PKCS1_SHA256)
    }

    fn bits(pair: &Pair) -> usize {
        let Pair::Rsa(pair, _) = pair else { panic!("a key of RSA") };
        pair.public_modulus_len() * 8
    }

    #[test]
    fn new_rsa_keys_have_3072_bits_and_older_ones_of_2048_still_sign() {
        let new = new_rsa_key().expect("a key");
        let new = rsa(Some(&new), &RSA_PKCS1_SHA256).expect("a pair");
        let old = rsa_of(KeySize::Rsa2048).expect("a pair");
        assert_eq!((bits(&new), bits(&old)), (3072, 2048));
    }

    fn unhex<const N: usize>(hex: &str) -> [u8; N] {
        std::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))
    }

    fn passes_over<const N: usize>(curve: &Curve, order: [u8; N]) {
        let candidates = [[0; N], order, [0xff; N], [7; N], [8; N]].map(Zeroizing::new);

        let pair = curve.first_pair(candidates.into_iter()).expect("a pair");

        let seventh = curve.first_pair([Zeroizing::new([7; N])].into_iter()).expect("a pair");
        assert_eq!(pair.public_key().as_ref(), seventh.public_key().as_ref());
        assert!(curve.first_pair([Zeroizing::new(order)].into_iter()).is_none());
    }

    #[test]
    fn a_scalar_that_the_curve_refuses_is_skipped() {
        let p256 = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        let p384 = "ffffffffffffffffffffffffffffffffffffffffffffffff\
                    c7634d81f4372ddf581a0db248b0a77aecec196accc52973";

        passes_over::<32>(&P256, unhex(p256));
        passes_over::<48>(&P384, unhex(p384));
    }

    /// The example of RFC 7638, section 3.1.
    #[test]
    fn the_thumbprint_is_the_one_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP\
                 ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY\
                 368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f\
                 M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let required = [("kty", "RSA".to_owned()), ("n", n.to_owned()), ("e", "AQAB".to_owned())];
        assert_eq!(thumbprint(&required.into()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    /// The example of RFC 8037, appendix A.3.
    #[test]
    fn the_thumbprint_of_an_octet_key_pair_is_the_one_of_rfc_8037() {
        let private = unhex::<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
        let pair = Ed25519KeyPair::from_seed_unchecked(&private).map(Pair::Ed25519).expect("a pair");
        assert_eq!(thumbprint(&pair.required_members()), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
