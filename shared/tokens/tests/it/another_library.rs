//! `jsonwebtoken` with its own cryptography.
//!
//! The free functions of the library use the provider of the process, which is that of `tokens`. These
//! functions use the library's own provider instead.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey, crypto::aws_lc::DEFAULT_PROVIDER,
    jwk::EllipticCurve,
};
use serde_json::{Value, json};

/// Signs a token.
pub(crate) fn token(header: &Value, payload: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let message = format!("{}.{}", encode(header), encode(payload));
    let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, key).expect("a key");
    let signature = signer.try_sign(message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Returns whether the key signed the token.
pub(crate) fn has_signed(key: &DecodingKey, algorithm: Algorithm, token: &str) -> bool {
    let (message, signature) = token.rsplit_once('.').expect("a token");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm, key).expect("a key");
    verifier.verify(message.as_bytes(), &signature).is_ok()
}

/// Returns the JWK of a private key or shared secret.
pub(crate) fn jwk(key: &EncodingKey, algorithm: Algorithm) -> Value {
    let (utils, octets) = (&DEFAULT_PROVIDER.key_utils, key.as_bytes());
    let text = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
    let mut jwk = match key.family() {
        AlgorithmFamily::Hmac => json!({ "kty": "oct", "k": text(octets) }),
        AlgorithmFamily::Rsa => {
            let (n, e) = (utils.rsa_pub_components_from_private_key)(octets).expect("a key");
            json!({ "kty": "RSA", "n": text(&n), "e": text(&e) })
        }
        AlgorithmFamily::Ec => {
            let (curve, x, y) = (utils.ec_pub_components_from_private_key)(octets, algorithm).expect("a key");
            json!({ "kty": "EC", "crv": curve, "x": text(&x), "y": text(&y) })
        }
        AlgorithmFamily::Ed => {
            let curve = EllipticCurve::Ed25519;
            let x = (utils.ed_pub_components_from_private_key)(octets, &curve).expect("a key");
            json!({ "kty": "OKP", "crv": curve, "x": text(&x) })
        }
    };
    jwk["alg"] = json!(algorithm);
    jwk
}
