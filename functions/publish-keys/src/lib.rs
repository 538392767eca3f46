//! `GET /.well-known/jwks.json` and `/.well-known/openid-configuration`: what other services need to
//! verify our access tokens with no code of ours.

use api::{Anonymous, Endpoint, Error, Nothing, ProblemType, Public, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{Ring, SigningAlgorithm};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::Identities;

const JWKS: &str = "/.well-known/jwks.json";
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Seconds. A key is published long before it signs.
#[expect(clippy::cast_possible_truncation, reason = "minutes")]
const MAX_AGE: u32 = Ring::KEPT_FOR.as_secs() as u32;

/// Publishes the keys.
pub struct PublishKeys {
    identities: Identities,
    issuer: String,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<PublishKeys>, SettingError> {
    let issuer = cloud.settings().text("ISSUER")?;
    Endpoint::public(cloud, PublishKeys { identities: Identities::new(cloud)?, issuer })
}

/// One document or the other.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Document {
    /// RFC 7517, section 5.
    Keys {
        /// Every key whose tokens may still be alive.
        keys: Vec<Box<RawValue>>,
    },
    /// What verifiers read of OpenID Connect Discovery 1.0. There are no endpoints to discover:
    /// Gatepost is no OpenID provider.
    Discovery {
        /// As in the tokens' `iss`.
        issuer: String,
        /// Where the keys are.
        jwks_uri: String,
        /// Whatever access tokens may be signed by, now or after a rotation: some read this once. The name is the
        /// specification's.
        id_token_signing_alg_values_supported: [&'static str; SigningAlgorithm::ALL.len()],
        /// Required by the specification.
        subject_types_supported: [&'static str; 1],
        /// Required by the specification.
        response_types_supported: [&'static str; 0],
    },
}

impl UseCase for PublishKeys {
    const ROUTES: &'static [Route] = &[Route::get(JWKS), Route::get(DISCOVERY)];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Anonymous;
    type Request = Nothing;
    type Response = Public<Document>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        if caller.head.path == DISCOVERY {
            return Ok(Public { content: self.discovery(), max_age: MAX_AGE });
        }
        let now = caller.head.now;
        let published = self.identities.public_keys().await?;
        let alive = published.into_iter().filter(|key| key.retire_at.is_none_or(|at| now < at));
        let keys: Vec<_> = alive.filter_map(|key| RawValue::from_string(key.jwk).ok()).collect();
        // Before the first log-in there is no key: nobody is to remember that.
        let max_age = if keys.is_empty() { 0 } else { MAX_AGE };
        Ok(Public { content: Document::Keys { keys }, max_age })
    }
}

impl PublishKeys {
    fn discovery(&self) -> Document {
        Document::Discovery {
            issuer: self.issuer.clone(),
            jwks_uri: format!("{}{JWKS}", self.issuer),
            id_token_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::name),
            subject_types_supported: ["public"],
            response_types_supported: [],
        }
    }
}
