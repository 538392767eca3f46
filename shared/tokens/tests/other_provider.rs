//! A process in which another provider of `jsonwebtoken` was installed first: it can neither sign nor verify
//! tokens.
#![allow(clippy::expect_used, reason = "tests may panic: that is how they fail")]

use std::time::Duration;

use domain::{PublicKey, Ring, Timestamp};
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use tokens::{Issuer, IssuerSettings, KeyError, Rejected, Verifier};

const NOW: Timestamp = Timestamp::from_millis(1_763_694_000_250);

#[test]
fn keys_of_another_provider_are_refused() {
    DEFAULT_PROVIDER.install_default().expect("the first provider of the process");
    let (issuer, audience) = ("https://id.example.com".to_owned(), "https://api.example.com".to_owned());
    let key = PublicKey {
        kid: "lYq6oVz29F7uyycZU9iqd9OJ1v1t6__aJiUFoyojis0".to_owned(),
        jwk: r#"{"kty":"OKP","crv":"Ed25519","x":"EJRrg3c0F0qB-EOjwNUdrCsJxAcGZQjzwu0532TsNoU"}"#.to_owned(),
        algorithm: "EdDSA".to_owned(),
        not_before: NOW,
        retire_at: None,
    };
    let ring =
        Ring::parse_keys(r#"{"seed":"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"}"#);
    let seeds = ring.expect("a ring").seeds_at(NOW);
    let settings = IssuerSettings {
        issuer: issuer.clone(),
        audience: audience.clone(),
        lifetime: Duration::from_mins(10),
    };

    let verified =
        Verifier::new(issuer, audience, &[key]).verify(include_str!("eddsa-token.txt").trim(), NOW);

    assert_eq!(verified, Err(Rejected::UnknownKey));
    assert_eq!(Issuer::new(&seeds, settings).map(drop), Err(KeyError));
}
