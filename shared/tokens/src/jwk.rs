//! JSON Web Keys (RFC 7517) for verification.

use aws_lc_rs::{
    hmac,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaVerificationAlgorithm,
        ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RsaParameters, RsaPublicKeyComponents,
    },
};
use domain::Secret;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    from_base64url, json,
    provider::{KeptKey, Material},
};

/// RFC 7518, section 3.3: at least 2,048 bits.
const MIN_MODULUS_OCTETS: usize = 256;
/// The usual exponent, 65537.
pub(crate) const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// Parses a JWK for use with `algorithm`. Returns `None` if its type or purpose differs, or if it is
/// malformed or too weak.
pub(crate) fn parse(jwk: &str, algorithm: &str) -> Option<KeptKey> {
    let jwk: Jwk = json::read_object(jwk.as_bytes())?;
    if !jwk.is_for(algorithm) {
        return None;
    }
    let material = match (algorithm, jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("ES256", "EC", Some("P-256")) => jwk.point(&ECDSA_P256_SHA256_FIXED, 32),
        ("ES384", "EC", Some("P-384")) => jwk.point(&ECDSA_P384_SHA384_FIXED, 48),
        ("EdDSA", "OKP", Some("Ed25519")) => jwk.octet_key_pair(),
        ("RS256", "RSA", None) => jwk.modulus(&RSA_PKCS1_2048_8192_SHA256),
        ("RS384", "RSA", None) => jwk.modulus(&RSA_PKCS1_2048_8192_SHA384),
        ("RS512", "RSA", None) => jwk.modulus(&RSA_PKCS1_2048_8192_SHA512),
        ("HS256", "oct", None) => jwk.secret(hmac::HMAC_SHA256),
        ("HS384", "oct", None) => jwk.secret(hmac::HMAC_SHA384),
        ("HS512", "oct", None) => jwk.secret(hmac::HMAC_SHA512),
        _ => None,
    };
    KeptKey::new(algorithm.parse().ok()?, material?)
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
    /// Returns whether the key permits verification with `algorithm`, explicitly or by default.
    fn is_for(&self, algorithm: &str) -> bool {
        self.alg.as_deref().is_none_or(|alg| alg == algorithm)
            && self.r#use.as_deref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_deref().is_none_or(|ops| ops.iter().any(|op| op == "verify"))
    }

    fn point(&self, curve: &'static EcdsaVerificationAlgorithm, length: usize) -> Option<Material> {
        let (x, y) = (octets(self.x.as_ref())?, octets(self.y.as_ref())?);
        // RFC 7518, section 6.2.1.2: both have full length, so no byte can move between them.
        if x.len() != length || y.len() != length {
            return None;
        }
        ParsedPublicKey::new(curve, [&[4], x.as_slice(), &y].concat()).ok().map(Material::Public)
    }

    fn octet_key_pair(&self) -> Option<Material> {
        ParsedPublicKey::new(&ED25519, octets(self.x.as_ref())?).ok().map(Material::Public)
    }

    fn modulus(&self, scheme: &'static RsaParameters) -> Option<Material> {
        let (n, e) = (octets(self.n.as_ref())?, octets(self.e.as_ref())?);
        if n.len() < MIN_MODULUS_OCTETS || e != RSA_EXPONENT {
            return None;
        }
        RsaPublicKeyComponents { n, e }.to_parsed_public_key(scheme).ok().map(Material::Public)
    }

    /// RFC 7518, section 3.2: at least as long as the hash.
    fn secret(&self, mac: hmac::Algorithm) -> Option<Material> {
        let secret = Zeroizing::new(from_base64url(self.k.as_ref()?.expose())?);
        let is_long_enough = secret.len() >= mac.digest_algorithm().output_len();
        is_long_enough.then(|| Material::Shared(hmac::Key::new(mac, &secret)))
    }
}

fn octets(member: Option<&String>) -> Option<Vec<u8>> {
    from_base64url(member?)
}
