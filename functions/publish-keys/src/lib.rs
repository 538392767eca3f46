//! `GET /.well-known/jwks.json`: publishes the keys that tokens are signed with, and what the OpenID provider offers.
//!
//! The discovery document is the same at `/.well-known/openid-configuration` and at
//! `/.well-known/oauth-authorization-server` (RFC 8414).

mod discovery;

use api::{Anonymous, Endpoint, Error, Nothing, ProblemType, Public, Route, UseCase};
use cloud::{Cloud, SettingError};
use domain::Ring;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use store::Identities;

pub use discovery::Discovery;

const JWKS: &str = "/.well-known/jwks.json";
const DISCOVERY: &str = "/.well-known/openid-configuration";
const METADATA: &str = "/.well-known/oauth-authorization-server";
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
    /// OpenID Connect Discovery 1.0, section 3, and RFC 8414, section 2.
    Discovery(Box<Discovery>),
}

impl UseCase for PublishKeys {
    const ROUTES: &'static [Route] = &[Route::get(JWKS), Route::get(DISCOVERY), Route::get(METADATA)];
    const PROBLEMS: &'static [ProblemType] = &[];
    type Caller = Anonymous;
    type Request = Nothing;
    type Response = Public<Document>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        if caller.head.path != JWKS {
            return Ok(Public {
                content: Document::Discovery(Box::new(Discovery::of(&self.issuer))),
                max_age: MAX_AGE,
            });
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
