//! Access tokens: JWTs by RFC 9068, read strictly.

use domain::{Attributes, PublicKey, Ring, SessionId, Timestamp, UserId};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{json, jwk::VerificationKey, jws::Compact};

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
    issuer: String,
    audience: String,
    keys: Vec<(PublicKey, VerificationKey)>,
}

impl Verifier {
    /// A verifier of the tokens that `issuer` makes for `audience`, with the keys that can be used:
    /// a key of an unknown algorithm, a malformed or a weak one is left out. So are keys that share
    /// a `kid`, and shared secrets among public keys: whoever reads those could sign with it.
    #[must_use]
    pub fn new(issuer: String, audience: String, keys: &[PublicKey]) -> Self {
        let unique = |key: &&PublicKey| keys.iter().filter(|other| other.kid == key.kid).count() == 1;
        let mut keys: Vec<_> = keys
            .iter()
            .filter(unique)
            .filter_map(|key| Some((key.clone(), VerificationKey::parse(&key.jwk, &key.algorithm)?)))
            .collect();
        if keys.iter().any(|(_, key)| !key.is_shared()) {
            keys.retain(|(_, key)| !key.is_shared());
        }
        Self { issuer, audience, keys }
    }

    /// Verifies a token at the moment `now`.
    ///
    /// # Errors
    /// [`Rejected`]; of a token that nobody signed, no claim is looked at.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Rejected> {
        let token = Compact::parse(token).ok_or(Rejected::Invalid)?;
        if token.header().typ.as_deref() != Some(TYPE) {
            return Err(Rejected::Invalid);
        }
        let claims = json::read_object(&self.open(&token, now)?).ok_or(Rejected::Invalid)?;
        self.judge(claims, now)
    }

    /// Returns the payload, if the key that the header names signed it, signs already, and is not gone.
    pub(crate) fn open(&self, token: &Compact, now: Timestamp) -> Result<Vec<u8>, Rejected> {
        let kid = token.header().kid.as_deref().ok_or(Rejected::Invalid)?;
        let (public, key) =
            self.keys.iter().find(|(known, _)| known.kid == kid).ok_or(Rejected::UnknownKey)?;
        let is_pending = public.not_before > now.plus(Ring::LEEWAY);
        if is_pending || public.retire_at.is_some_and(|at| at <= now) {
            return Err(Rejected::Invalid);
        }
        token.verified_by(key).ok_or(Rejected::Invalid)
    }

    fn judge(&self, claims: Claims, now: Timestamp) -> Result<AccessClaims, Rejected> {
        let latest = now.seconds().saturating_add(LEEWAY_SECONDS);
        let begun = claims.iat <= latest && claims.nbf.is_none_or(|nbf| nbf <= latest);
        if claims.iss != self.issuer || claims.aud != self.audience || !begun {
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
