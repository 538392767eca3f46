//! `GET /.well-known/jwks.json` and `/.well-known/openid-configuration`: read the keys that verify access
//! tokens.

use api::{Anonymous, Endpoint, Error, Nothing, ProblemType, Public, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::{Ring, SigningAlgorithm};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::Identities;

const JWKS: &str = "/.well-known/jwks.json";
const DISCOVERY: &str = "/.well-known/openid-configuration";
/// Seconds. Keys are published long before they sign.
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

/// One of the two documents.
#[derive(JsonSchema, Serialize)]
#[serde(untagged)]
#[schemars(inline)]
pub enum Document {
    /// The keys (RFC 7517, section 5).
    Keys {
        /// All keys whose tokens can still be valid.
        keys: Vec<Box<RawValue>>,
    },
    /// The metadata that token verifiers read (OpenID Connect Discovery 1.0). There are no endpoints to
    /// discover, since Gatepost is not an OpenID provider.
    Discovery {
        /// The `iss` of the tokens.
        issuer: String,
        /// The URL of the keys.
        jwks_uri: String,
        /// All algorithms that can sign access tokens, now or after a rotation: some verifiers read this only
        /// once. The specification gives the name.
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
        // Before the first log-in there are no keys, which caches must not remember.
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
