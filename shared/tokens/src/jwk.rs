//! JSON Web Keys (RFC 7517): the one that signs, and those that verify.

use std::collections::BTreeMap;

use aws_lc_rs::{
    agreement,
    digest::{SHA256, digest},
    hmac,
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ED25519,
        EcdsaKeyPair, EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
        RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    },
};
use domain::{PublicKey, Secret, Timestamp};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{KeyUnusable, base64url, derive::derive, from_base64url, json};

/// Octets of a P-256 scalar and coordinate.
const P256_OCTETS: usize = 32;

/// RFC 7518, section 3.3: 2,048 bits, or more.
const MIN_MODULUS_OCTETS: usize = 256;
/// 65537, the one that everybody uses.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// The key that signs access tokens.
#[derive(Clone)]
pub(crate) struct SigningKey {
    pair: EcdsaKeyPair,
    kid: String,
}

impl SigningKey {
    /// Its one algorithm.
    pub(crate) const ALGORITHM: &str = "ES256";

    /// Derives the key from the seed.
    pub(crate) fn derive(seed: &[u8]) -> Result<Self, KeyUnusable> {
        let candidates =
            (0..=u8::MAX).map(|counter| derive(seed, &[b"gatepost/1/access-token/ES256", &[counter]]));
        let pair = first_pair(candidates).ok_or(KeyUnusable)?;
        let kid = thumbprint(&required_members(&pair));
        Ok(Self { pair, kid })
    }

    /// Key id: the RFC 7638 thumbprint.
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public half, as of its publication.
    pub(crate) fn published(&self, at: Timestamp) -> PublicKey {
        PublicKey {
            kid: self.kid.clone(),
            jwk: self.public_jwk(),
            algorithm: Self::ALGORITHM.to_owned(),
            not_before: at,
            retire_at: None,
        }
    }

    fn public_jwk(&self) -> String {
        let mut members = required_members(&self.pair);
        members.extend([
            ("alg", Self::ALGORITHM.to_owned()),
            ("kid", self.kid.clone()),
            ("use", "sig".to_owned()),
        ]);
        to_json(&members)
    }

    /// Signs as in RFC 7518, section 3.4.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<impl AsRef<[u8]> + use<>, KeyUnusable> {
        self.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyUnusable)
    }
}

/// The first scalar that the curve takes: all but zero and those beyond its order, of which a
/// random one is one in 2³² (FIPS 186-5, A.2.2).
fn first_pair(mut candidates: impl Iterator<Item = Zeroizing<[u8; P256_OCTETS]>>) -> Option<EcdsaKeyPair> {
    candidates.find_map(|scalar| {
        let private = agreement::PrivateKey::from_private_key(&agreement::ECDH_P256, &*scalar).ok()?;
        let public = private.compute_public_key().ok()?;
        EcdsaKeyPair::from_private_key_and_public_key(
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &*scalar,
            public.as_ref(),
        )
        .ok()
    })
}

/// What a P-256 key is by RFC 7638, section 3.2.
fn required_members(pair: &EcdsaKeyPair) -> BTreeMap<&'static str, String> {
    // SEC 1: 0x04, then the two coordinates.
    let (_, coordinates) = pair.public_key().as_ref().split_at(1);
    let (x, y) = coordinates.split_at(P256_OCTETS);
    [("crv", "P-256".to_owned()), ("kty", "EC".to_owned()), ("x", base64url(x)), ("y", base64url(y))].into()
}

/// RFC 7638: SHA-256 over the required members, sorted, without white space.
fn thumbprint(required: &BTreeMap<&'static str, String>) -> String {
    base64url(digest(&SHA256, to_json(required).as_bytes()))
}

fn to_json(members: &BTreeMap<&'static str, String>) -> String {
    // Only a map key that is no string, or a failing `Serialize`, could fail; there is neither.
    serde_json::to_string(members).unwrap_or_default()
}

/// A key that verifies, with the one algorithm that it may be used with.
#[derive(Clone)]
pub(crate) struct VerificationKey {
    algorithm: String,
    material: Material,
}

#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a handful for a process, read on every request")]
enum Material {
    Public(ParsedPublicKey),
    Shared(hmac::Key),
}

impl VerificationKey {
    /// Parses a JWK that is to be used with `algorithm`; `None` if it cannot be, says that it is
    /// for something else, or is too weak.
    pub(crate) fn parse(jwk: &str, algorithm: &str) -> Option<Self> {
        let jwk: Jwk = json::read_object(jwk.as_bytes())?;
        if !jwk.is_for(algorithm) {
            return None;
        }
        let material = match (algorithm, jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("ES256", "EC", Some("P-256")) => jwk.point(&ECDSA_P256_SHA256_FIXED, 32),
            ("ES384", "EC", Some("P-384")) => jwk.point(&ECDSA_P384_SHA384_FIXED, 48),
            ("EdDSA", "OKP", Some("Ed25519")) => ParsedPublicKey::new(&ED25519, octets(jwk.x.as_ref())?).ok(),
            ("RS256", "RSA", None) => jwk.modulus(&RSA_PKCS1_2048_8192_SHA256),
            ("RS384", "RSA", None) => jwk.modulus(&RSA_PKCS1_2048_8192_SHA384),
            ("RS512", "RSA", None) => jwk.modulus(&RSA_PKCS1_2048_8192_SHA512),
            ("HS256", "oct", None) => return jwk.shared(hmac::HMAC_SHA256, algorithm),
            ("HS384", "oct", None) => return jwk.shared(hmac::HMAC_SHA384, algorithm),
            ("HS512", "oct", None) => return jwk.shared(hmac::HMAC_SHA512, algorithm),
            _ => None,
        };
        Some(Self { algorithm: algorithm.to_owned(), material: Material::Public(material?) })
    }

    /// Its one algorithm.
    pub(crate) fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// Whether whoever can verify with it can also sign.
    pub(crate) const fn is_shared(&self) -> bool {
        matches!(self.material, Material::Shared(_))
    }

    /// Whether this key's other half made `signature` over `message`.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            Material::Public(key) => key.verify_sig(message, signature).is_ok(),
            Material::Shared(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    alg: Option<String>,
    r#use: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<Secret>,
}

impl Jwk {
    /// Whether the key leaves open, or says itself, that it verifies with `algorithm`.
    fn is_for(&self, algorithm: &str) -> bool {
        self.alg.as_deref().is_none_or(|alg| alg == algorithm)
            && self.r#use.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_deref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }

    fn point(&self, curve: &'static EcdsaVerificationAlgorithm, length: usize) -> Option<ParsedPublicKey> {
        let (x, y) = (octets(self.x.as_ref())?, octets(self.y.as_ref())?);
        // RFC 7518, section 6.2.1.2: full length each, so that no octet can move between them.
        if x.len() != length || y.len() != length {
            return None;
        }
        ParsedPublicKey::new(curve, [&[4], x.as_slice(), &y].concat()).ok()
    }

    fn modulus(&self, scheme: &'static RsaParameters) -> Option<ParsedPublicKey> {
        let (n, e) = (octets(self.n.as_ref())?, octets(self.e.as_ref())?);
        if n.len() < MIN_MODULUS_OCTETS || e != RSA_EXPONENT {
            return None;
        }
        RsaPublicKeyComponents { n, e }.to_parsed_public_key(scheme).ok()
    }

    /// RFC 7518, section 3.2: as long as the hash, or longer.
    fn shared(&self, mac: hmac::Algorithm, algorithm: &str) -> Option<VerificationKey> {
        let secret = Zeroizing::new(from_base64url(self.k.as_ref()?.expose())?);
        let long_enough = secret.len() >= mac.digest_algorithm().output_len();
        long_enough.then(|| VerificationKey {
            algorithm: algorithm.to_owned(),
            material: Material::Shared(hmac::Key::new(mac, &secret)),
        })
    }
}

fn octets(member: Option<&String>) -> Option<Vec<u8>> {
    from_base64url(member?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scalar_that_the_curve_refuses_is_passed_over() {
        let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
        let order: Vec<u8> =
            (0..32).map(|i| u8::from_str_radix(&order[2 * i..2 * i + 2], 16).expect("hex")).collect();
        let order: [u8; 32] = order.try_into().expect("32 bytes");
        let candidates = [[0; 32], order, [0xff; 32], [7; 32], [8; 32]].map(Zeroizing::new);

        let pair = first_pair(candidates.into_iter()).expect("a pair");

        let seventh = first_pair([Zeroizing::new([7; 32])].into_iter()).expect("a pair");
        assert_eq!(pair.public_key().as_ref(), seventh.public_key().as_ref());
        assert!(first_pair([Zeroizing::new(order)].into_iter()).is_none());
    }

    /// RFC 7638, section 3.1.
    #[test]
    fn the_thumbprint_is_the_one_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP\
                 ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY\
                 368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f\
                 M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let required = [("kty", "RSA".to_owned()), ("n", n.to_owned()), ("e", "AQAB".to_owned())];
        assert_eq!(thumbprint(&required.into()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
