//! Access tokens: JWTs of RFC 9068, parsed strictly.

use domain::{Attributes, GrantId, PublicKey, Ring, SessionId, Timestamp, UserId, oauth::Scope};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{
    jwk,
    jwt::{UnverifiedToken, VerificationKey},
    oauth::GrantClaims,
};

/// The `typ` of RFC 9068, section 2.1, in the only form that Gatepost writes. `application/at+jwt` and other
/// cases are refused, so other kinds of JWT are not accepted as access tokens.
pub(crate) const TYPE: &str = "at+jwt";

/// How far the clock of an issuer may be ahead of a verifier. Expiry has no leeway.
#[expect(clippy::cast_possible_wrap, reason = "seconds")]
const LEEWAY_SECONDS: i64 = Ring::LEEWAY.as_secs() as i64;

/// The claims of an access token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessClaims {
    /// The user (`sub`).
    pub user_id: UserId,
    /// The session of the token (`sid`).
    pub session_id: SessionId,
    /// The time of the log-in (`auth_time`), in whole seconds.
    pub auth_time: Timestamp,
    /// The names of the user's roles when the token was issued.
    pub roles: Vec<String>,
    /// The permissions of the user when the token was issued, separated by spaces.
    pub scope: String,
    /// The id of the token (`jti`).
    pub token_id: Uuid,
    /// The declared custom attributes, for other services. Gatepost does not read them.
    pub attributes: Attributes,
}

/// The reason why a token is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Rejected {
    /// The token is authentic and has expired, so the client should refresh. Has the token's user.
    #[error("the access token has expired")]
    Expired(UserId),
    /// The token has an unknown key, which may be newer than those of the verifier.
    #[error("the access token's key is unknown")]
    UnknownKey,
    /// The token is invalid. The reason is not stated, because only an attacker needs it.
    #[error("the access token is invalid")]
    Invalid,
}

/// The claims in their serialized form.
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
    /// Missing in the token of a client that acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) auth_time: Option<i64>,
    /// The grant of an OAuth client; missing in the tokens of `POST /v1/sessions`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) grant: Option<String>,
    // A claim without a value is left out (RFC 9068 asks for a scope only where there is one). Tokens from
    // before that have an empty one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) roles: Vec<String>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) scope: String,
    #[serde(flatten, skip_deserializing)]
    pub(crate) attributes: Attributes,
}

/// Deserializes a claim that may be missing, but not `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    i64::deserialize(deserializer).map(Some)
}

/// Verifies access tokens with the known public keys.
#[derive(Clone)]
pub struct Verifier {
    audience: String,
    keys: Vec<(PublicKey, VerificationKey)>,
}

impl Verifier {
    /// Makes a verifier of the tokens that `issuer` signs for `audience`, and of those of clients that are for the issuer
    /// itself.
    ///
    /// Keys of unknown algorithms, and malformed or weak keys are left out. Keys with the same `kid` are left
    /// out too, as are shared secrets among public keys: each reader of the keys could sign with them.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "every caller has no other use for the two")]
    pub fn new(issuer: String, audience: String, keys: &[PublicKey]) -> Self {
        let parse = |key: &PublicKey| {
            let parsed = jwk::parse(&key.jwk, &key.algorithm)?;
            Some((key.clone(), VerificationKey::new(parsed, &issuer, &[&audience, &issuer])))
        };
        let unique = |key: &&PublicKey| keys.iter().filter(|other| other.kid == key.kid).count() == 1;
        let mut keys: Vec<_> = keys.iter().filter(unique).filter_map(parse).collect();
        if keys.iter().any(|(_, key)| !key.is_shared()) {
            keys.retain(|(_, key)| !key.is_shared());
        }
        Self { audience, keys }
    }

    /// Verifies a token at the time `now`.
    ///
    /// # Errors
    /// [`Rejected`]. No claim is read before the signature is verified.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Rejected> {
        let token = UnverifiedToken::parse(token).ok_or(Rejected::Invalid)?;
        if !token.has_type(TYPE) {
            return Err(Rejected::Invalid);
        }
        let claims: Claims = self.key_of(&token, now)?.verify(&token).ok_or(Rejected::Invalid)?;
        // The token of a client is good for Gatepost's own API only with the scope that says so.
        let is_permitted = match claims.grant {
            Some(_) => claims.has_scope(Scope::ACCOUNT),
            None => claims.client_id == self.audience,
        };
        if claims.aud != self.audience || !is_permitted {
            return Err(Rejected::Invalid);
        }
        let is_expired = Self::is_expired(&claims, now)?;
        let claims = AccessClaims::read(claims).ok_or(Rejected::Invalid)?;
        if is_expired { Err(Rejected::Expired(claims.user_id)) } else { Ok(claims) }
    }

    /// Verifies the token of a client's grant at the moment `now`.
    ///
    /// # Errors
    /// [`Rejected`]; a token without a grant is [`Rejected::Invalid`].
    pub fn verify_grant(&self, token: &str, now: Timestamp) -> Result<GrantClaims, Rejected> {
        let token = UnverifiedToken::parse(token).ok_or(Rejected::Invalid)?;
        if !token.has_type(TYPE) {
            return Err(Rejected::Invalid);
        }
        let claims: Claims = self.key_of(&token, now)?.verify(&token).ok_or(Rejected::Invalid)?;
        let is_expired = Self::is_expired(&claims, now)?;
        let claims = claims.grant().ok_or(Rejected::Invalid)?;
        if is_expired { Err(Rejected::Expired(claims.user_id)) } else { Ok(claims) }
    }

    /// Returns the key in the header, if it signs already and is not retired.
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
    fn is_expired(claims: &Claims, now: Timestamp) -> Result<bool, Rejected> {
        let latest = now.seconds().saturating_add(LEEWAY_SECONDS);
        if claims.iat > latest || claims.nbf.is_some_and(|nbf| nbf > latest) {
            return Err(Rejected::Invalid);
        }
        Ok(claims.exp <= now.seconds())
    }
}

impl Claims {
    fn has_scope(&self, token: &str) -> bool {
        self.scope.split(' ').any(|scope| scope == token)
    }

    fn grant(self) -> Option<GrantClaims> {
        Some(GrantClaims {
            user_id: UserId::from_uuid(uuid(&self.sub)?),
            session_id: SessionId::from_uuid(uuid(&self.sid?)?),
            grant_id: GrantId::from_uuid(uuid(&self.grant?)?),
            auth_time: Timestamp::from_millis(self.auth_time?.checked_mul(1000)?),
            client_id: self.client_id,
            scope: self.scope,
        })
    }
}

impl AccessClaims {
    fn read(claims: Claims) -> Option<Self> {
        Some(Self {
            user_id: UserId::from_uuid(uuid(&claims.sub)?),
            session_id: SessionId::from_uuid(uuid(&claims.sid?)?),
            auth_time: Timestamp::from_millis(claims.auth_time?.checked_mul(1000)?),
            roles: claims.roles,
            scope: claims.scope,
            token_id: uuid(&claims.jti)?,
            attributes: claims.attributes,
        })
    }
}

/// Parses a UUID in the form that Gatepost writes: hyphens, lower case.
fn uuid(text: &str) -> Option<Uuid> {
    let uuid = Uuid::try_parse(text).ok()?;
    (uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text).then_some(uuid)
}
