//! ID tokens, and the access tokens of clients.

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use domain::{GrantId, Secret, SessionId, SigningAlgorithm, Timestamp, UserId};
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::base64url;

/// `typ` of ID tokens: never taken for an access token, whose `typ` is `at+jwt`.
pub(crate) const TYPE: &str = "JWT";
/// `acr` of a sign-in with one factor.
pub const ACR_ONE_FACTOR: &str = "urn:gatepost:1fa";

/// The content of an access token of a client.
#[derive(Clone, Debug)]
pub struct ClientToken {
    /// The user, or the client itself.
    pub subject: String,
    /// The client.
    pub client_id: String,
    /// The services that the token is for.
    pub audience: String,
    /// The scope, tokens separated by a space.
    pub scope: String,
    /// The token (`jti`).
    pub token_id: Uuid,
    /// The grant, unless the client acts for itself.
    pub grant: Option<GrantClaims>,
    /// The names of the user's roles, for the owner's own clients.
    pub roles: Vec<String>,
}

/// The claims of an access token that name its grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantClaims {
    /// The user (`sub`).
    pub user_id: UserId,
    /// The browser session (`sid`).
    pub session_id: SessionId,
    /// The grant (`grant`).
    pub grant_id: GrantId,
    /// The time at which the user authenticated.
    pub auth_time: Timestamp,
    /// The client (`client_id`).
    pub client_id: String,
    /// The scope, tokens separated by a space.
    pub scope: String,
}

/// The content of an ID token.
#[derive(Clone, Debug)]
pub struct IdClaims {
    /// The user (`sub`).
    pub user_id: UserId,
    /// The client (`aud`).
    pub client_id: String,
    /// The browser session (`sid`).
    pub session_id: SessionId,
    /// The time at which the user authenticated.
    pub auth_time: Timestamp,
    /// The nonce of the authorization request.
    pub nonce: Option<String>,
    /// The claims of the scopes.
    pub claims: Map<String, Value>,
}

/// An ID token as it is written (OpenID Connect Core 1.0, section 2).
#[derive(Serialize)]
pub(crate) struct IdToken<'a> {
    pub(crate) iss: &'a str,
    pub(crate) sub: String,
    pub(crate) aud: &'a str,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    pub(crate) auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<&'a str>,
    pub(crate) acr: &'static str,
    pub(crate) amr: [&'static str; 1],
    pub(crate) sid: String,
    pub(crate) at_hash: String,
    #[serde(flatten)]
    pub(crate) claims: &'a Map<String, Value>,
}

/// Returns the left half of the access token's hash, by the hash of the ID token's algorithm (OpenID Connect Core 1.0,
/// section 3.1.3.6).
pub(crate) fn at_hash(access_token: &Secret, algorithm: SigningAlgorithm) -> String {
    let hash = digest(hash_of(algorithm), access_token.expose().as_bytes());
    let (left, _) = hash.as_ref().split_at(hash.as_ref().len() / 2);
    base64url(left)
}

fn hash_of(algorithm: SigningAlgorithm) -> &'static Algorithm {
    match algorithm {
        SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 => &SHA256,
        SigningAlgorithm::Es384 | SigningAlgorithm::Rs384 => &SHA384,
        // Ed25519 hashes with SHA-512.
        SigningAlgorithm::Rs512 | SigningAlgorithm::EdDsa => &SHA512,
    }
}
