//! Access tokens: JWTs by RFC 9068, read strictly.

use domain::{Attributes, PublicKey, Ring, SessionId, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    jwk,
    jwt::{UnverifiedToken, VerificationKey},
};

/// RFC 9068, section 2.1, in the one spelling that Gatepost writes: not `application/at+jwt`, no
/// other case. Another kind of JWT is never taken for an access token.
pub(crate) const TYPE: &str = "at+jwt";

/// How far a clock that issues may run ahead of the one that verifies. The end of a token knows no
/// leeway.
#[expect(clippy::cast_possible_wrap, reason = "seconds")]
const LEEWAY_SECONDS: i64 = Ring::LEEWAY.as_secs() as i64;

/// Who a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user (`sub`).
    pub user_id: UserId,
    /// The session that the token was made for (`sid`).
    pub session_id: SessionId,
    /// When the user logged in; whole seconds in the token.
    pub auth_time: Timestamp,
    /// Names of the user's roles when the token was made.
    pub roles: Vec<String>,
    /// What the user might do when the token was made: permissions, with a space between them.
    pub scope: String,
    /// Which token it is (`jti`).
    pub token_id: Uuid,
    /// The declared claims of the service, for its other services. Not read here.
    pub attributes: Attributes,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Rejected {
    /// It is genuine and has expired: the client is to refresh. Names the token's user.
    #[error("the access token has expired")]
    Expired(UserId),
    /// It names a key that this verifier does not know, perhaps a newer one.
    #[error("the access token's key is not known")]
    UnknownKey,
    /// Anything else. Says nothing of what: only a forger would want to know.
    #[error("the access token is not valid")]
    Invalid,
}

/// The claims as they are written.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    pub(crate) sub: String,
    pub(crate) aud: String,
    pub(crate) client_id: String,
    pub(crate) exp: i64,
    pub(crate) iat: i64,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(crate) nbf: Option<i64>,
    pub(crate) jti: String,
    pub(crate) sid: String,
    pub(crate) auth_time: i64,
    // A claim without a value is left out (RFC 9068 asks for a scope only where there is one). Tokens from
    // before that have an empty one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) scope: String,
    #[serde(flatten, skip_deserializing)]
    pub(crate) attributes: Attributes,
}

/// A claim that may be absent, but not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

/// Verifies access tokens with the public keys that it knows.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<(PublicKey, VerificationKey)>,
}

impl Verifier {
    /// Makes a verifier of the tokens that `issuer` signs for `audience`.
    ///
    /// A key of an unknown algorithm is left out, and so is a malformed or weak one. Keys that share a `kid` are left
    /// out too, as are shared secrets among public keys: each reader of the keys could sign with them.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "every caller has no other use for the two")]
    pub fn new(issuer: String, audience: String, keys: &[PublicKey]) -> Self {
        let parse = |key: &PublicKey| {
            let parsed = jwk::parse(&key.jwk, &key.algorithm)?;
            Some((key.clone(), VerificationKey::new(parsed, &issuer, &audience)))
        };
        let unique = |key: &&PublicKey| keys.iter().filter(|other| other.kid == key.kid).count() == 1;
        let mut keys: Vec<_> = keys.iter().filter(unique).filter_map(parse).collect();
        if keys.iter().any(|(_, key)| !key.is_shared()) {
            keys.retain(|(_, key)| !key.is_shared());
        }
        Self { keys }
    }

    /// Verifies a token at the moment `now`.
    ///
    /// # Errors
    /// [`Rejected`]; no claim is read before the signature is verified.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Rejected> {
        let token = UnverifiedToken::parse(token).ok_or(Rejected::Invalid)?;
        if !token.has_type(TYPE) {
            return Err(Rejected::Invalid);
        }
        let claims = self.key_of(&token, now)?.verify(&token).ok_or(Rejected::Invalid)?;
        Self::judge(claims, now)
    }

    /// Returns the key that the header names, if it signs already and is not retired.
    pub(crate) fn key_of(
        &self,
        token: &UnverifiedToken,
        now: Timestamp,
    ) -> Result<&VerificationKey, Rejected> {
        let kid = token.kid().ok_or(Rejected::Invalid)?;
        let (public, key) =
            self.keys.iter().find(|(known, _)| known.kid == kid).ok_or(Rejected::UnknownKey)?;
        let is_pending = public.not_before > now.plus(Ring::LEEWAY);
        if is_pending || public.retire_at.is_some_and(|at| at <= now) {
            return Err(Rejected::Invalid);
        }
        Ok(key)
    }

    /// Judges the times of claims whose signature, issuer and audience are right.
    fn judge(claims: Claims, now: Timestamp) -> Result<AccessClaims, Rejected> {
        let latest = now.seconds().saturating_add(LEEWAY_SECONDS);
        if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(Rejected::Invalid);
        }
        let expired = claims.exp <= now.seconds();
        let claims = AccessClaims::read(claims).ok_or(Rejected::Invalid)?;
        if expired { Err(Rejected::Expired(claims.user_id)) } else { Ok(claims) }
    }
}

impl AccessClaims {
    fn read(claims: Claims) -> Option<Self> {
        Some(Self {
            user_id: UserId::from_uuid(uuid(&claims.sub)?),
            session_id: SessionId::from_uuid(uuid(&claims.sid)?),
            auth_time: Timestamp::from_millis(claims.auth_time.checked_mul(1000)?),
            roles: claims.roles,
            scope: claims.scope,
            token_id: uuid(&claims.jti)?,
            attributes: claims.attributes,
        })
    }
}

/// A UUID in the form that Gatepost writes: hyphens, lower case.
fn uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(uuid)
}
