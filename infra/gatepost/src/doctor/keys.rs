//! The checks of the secrets, of keys derived from them, and of the duration of a hash.

use std::time::Duration;

use application::{password, representations};
use cloud::{AwsCallError, Cloud, FromSecret, SecretError, SettingError, chain};
use domain::{Attributes, Password, PublicKey, Secret, Seeds, Timestamp};
use hashing::Hasher;
use serde_json::{Value, json};
use tokens::{AccessClaims, Issuer, Rejected, Verifier};
use tokio::time::Instant;

use super::check::{Check, Remedy};

const KEYS: Remedy = Remedy(
    "restore the secret that KEYS_SECRET names: without its seeds no token can be signed or opened",
    "docs/operate/deploying.md#protection",
);
const CREDENTIALS: Remedy = Remedy(
    "restore the secret that CREDENTIALS_SECRET names: without its seeds no password can be checked",
    "docs/operate/deploying.md#protection",
);
const SEPARATE: Remedy = Remedy(
    "run `gatepost keys separate` as the guide describes",
    "docs/operate/keys.md#from-one-secret-to-two",
);
const TOKENS: Remedy = Remedy(
    "check that ISSUER is the URL of the API, and log in once, which publishes the key",
    "docs/operate/configuration.md",
);
const HASHING: Remedy = Remedy(
    "lower Argon2MemoryKib, or raise the memory of the functions that hash",
    "docs/operate/configuration.md",
);

/// Users notice longer durations.
const LONGEST_HASH: Duration = Duration::from_secs(1);

/// Checks the needs of a function that issues tokens. `published` is the public key set.
pub(crate) async fn checks(
    cloud: &Cloud,
    published: Result<Value, String>,
) -> Result<Vec<Check>, SettingError> {
    let issuing = representations::issuing(cloud)?;
    let audience = (issuing.issuer.clone(), issuing.audience.clone());
    let derive = move |seeds: &Seeds| Issuer::new(seeds, issuing.clone()).ok();
    let (issuer, hasher) = (FromSecret::keys(cloud, derive)?, password::hasher(cloud)?);
    let mut checks = vec![separate(cloud)?];
    match hasher.get().await {
        Ok(hasher) => {
            checks.push(Check::equal("credentials secret", "readable", "readable", CREDENTIALS));
            checks.push(hashing("one password hash, on this machine", hash(cloud, &hasher).await));
        }
        Err(error) => checks.push(unreadable("credentials secret", &error, CREDENTIALS)),
    }
    let issuer = match issuer.get().await {
        Ok(issuer) => issuer,
        Err(error) => {
            checks.push(unreadable("keys secret", &error, KEYS));
            return Ok(checks);
        }
    };
    checks.push(Check::equal("keys secret", "readable", "readable", KEYS));
    // Before the first log-in, which publishes the key.
    let is_new = published.as_ref().is_ok_and(|published| published["keys"] == json!([]));
    let verified = published.and_then(|published| round_trip(cloud, &issuer, &published, audience));
    let expected = "a token that verifies with the published keys";
    let token = Check::outcome("the round trip of a token", expected, verified, TOKENS);
    checks.push(if is_new { token.at_most_a_warning() } else { token });
    Ok(checks)
}

/// Checks whether peppers and keys are in separate secrets.
fn separate(cloud: &Cloud) -> Result<Check, SettingError> {
    let settings = cloud.settings();
    let is_shared = settings.text("KEYS_SECRET")? == settings.text("CREDENTIALS_SECRET")?;
    let found = if is_shared { "one" } else { "two" };
    Ok(Check::equal("secrets of keys and peppers", "two", found, SEPARATE).at_most_a_warning())
}

/// Creates the result for an unreadable secret. Without permission to read it, its state is unknown.
fn unreadable(name: &str, error: &SecretError, remedy: Remedy) -> Check {
    let said = chain(error);
    if said.contains("AccessDenied") {
        let denied = AwsCallError::Refused("AccessDeniedException".to_owned());
        return Check::unanswered(name, "readable", &denied, remedy);
    }
    Check::outcome(name, "readable", Err(said), remedy)
}

/// Signs a token with the key of the secret, and verifies it with the published keys.
fn round_trip(
    cloud: &Cloud,
    signer: &Issuer,
    published: &Value,
    (issuer, audience): (String, String),
) -> Result<String, String> {
    let now = cloud.clock().now();
    let claims = AccessClaims {
        user_id: cloud.random().id(now),
        session_id: cloud.random().id(now),
        auth_time: now,
        roles: Vec::new(),
        scope: String::new(),
        token_id: cloud.random().uuid(),
        attributes: Attributes::default(),
    };
    let token = signer.access_token(&claims, now).map_err(|error| error.to_string())?;
    let published: Vec<_> = published["keys"].as_array().into_iter().flatten().map(public_key).collect();
    match Verifier::new(issuer, audience, &published).verify(token.expose(), now) {
        Ok(_) => {
            let algorithm = signer.public_key(now).algorithm;
            Ok(format!("verified, by {algorithm}, of {} published keys", published.len()))
        }
        Err(Rejected::UnknownKey) => {
            Err(format!("its key is not among the {} published ones", published.len()))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn public_key(jwk: &Value) -> PublicKey {
    let text = |name: &str| jwk[name].as_str().unwrap_or_default().to_owned();
    let not_before = Timestamp::from_millis(0);
    PublicKey { kid: text("kid"), jwk: jwk.to_string(), algorithm: text("alg"), not_before, retire_at: None }
}

async fn hash(cloud: &Cloud, hasher: &Hasher) -> Result<Duration, String> {
    let password = Password::presented(&Secret::from("a password of the doctor's".to_owned()));
    let password = password.map_err(|error| error.to_string())?;
    let began = Instant::now();
    hasher.hash(&password, cloud.random().bytes()).await.map_err(|error| error.to_string())?;
    Ok(began.elapsed())
}

/// Checks the duration of an operation with one hash.
pub(crate) fn hashing(name: &str, time: Result<Duration, String>) -> Check {
    let found = time.and_then(|time| {
        let said = format!("{} ms", time.as_millis());
        if time <= LONGEST_HASH { Ok(said) } else { Err(said) }
    });
    let expected = format!("at most {} ms", LONGEST_HASH.as_millis());
    Check::outcome(name, expected, found, HASHING).at_most_a_warning()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check::Severity;

    #[test]
    fn a_slow_hash_is_a_warning() {
        let severity = |millis| hashing("hash", Ok(Duration::from_millis(millis))).severity;

        assert_eq!((severity(1000), severity(1001)), (Severity::Ok, Severity::Warning));
    }
}
