//! What whoever logs in or refreshes is granted.

use cloud::{Cloud, SettingError};
use domain::{AttributesSchema, Presented, Rights, RoleName, Session, Timestamp, User};
use schemars::JsonSchema;
use serde::Serialize;
use tokens::{AccessClaims, Issuer, IssuerSettings, KeyUnusable};
use tracing::warn;
use uuid::Uuid;

/// Tokens for a session, in the field names of RFC 6749, section 5.1.
#[derive(JsonSchema, Serialize)]
pub struct Grant {
    /// For `authorization: Bearer`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    /// For the next refresh, and only that.
    refresh_token: String,
    /// Seconds until the session ends if it is not refreshed.
    refresh_expires_in: u64,
    #[schemars(extend("format" = "uuid"))]
    session_id: String,
}

/// How tokens are issued, by the settings `ISSUER`, `AUDIENCE` and `ACCESS_TOKEN_SECONDS`.
///
/// # Errors
/// If one is missing.
pub fn issuing(cloud: &Cloud) -> Result<IssuerSettings, SettingError> {
    let settings = cloud.settings();
    Ok(IssuerSettings {
        issuer: settings.text("ISSUER")?,
        audience: settings.text("AUDIENCE")?,
        lifetime: settings.seconds("ACCESS_TOKEN_SECONDS")?,
    })
}

/// Makes the first signature before anybody waits for it, beside what else is begun, if it takes that long.
pub async fn warm(issuer: &Issuer) {
    if issuer.is_slow_at_first() {
        let issuer = issuer.clone();
        let _ = tokio::task::spawn_blocking(move || issuer.warm()).await;
    }
}

impl Grant {
    /// Returns the tokens of the session's current generation. The access token has the id `token_id`, says that the
    /// user has `rights`, and carries the attributes that `schema` declares as claims.
    ///
    /// # Errors
    /// If the key cannot sign.
    pub fn new(
        issuer: &Issuer,
        user: &User,
        session: &Session,
        rights: &Rights,
        schema: &AttributesSchema,
        token_id: Uuid,
        now: Timestamp,
    ) -> Result<Self, KeyUnusable> {
        let (scope, is_whole) = rights.scope();
        if !is_whole {
            warn!("a user has more permissions than a token can hold");
        }
        let claims = AccessClaims {
            user_id: user.id,
            session_id: session.id,
            auth_time: session.created_at,
            roles: rights.roles.iter().map(RoleName::to_string).collect(),
            scope,
            token_id,
            attributes: schema.claims(&user.attributes),
        };
        let current = Presented { user_id: user.id, session_id: session.id, generation: session.generation };
        let ends_at = session.idle_expires_at.min(session.expires_at);
        Ok(Self {
            access_token: issuer.access_token(&claims, now)?.expose().to_owned(),
            token_type: "Bearer",
            expires_in: issuer.lifetime().as_secs(),
            refresh_token: issuer.refresh_token(current).expose().to_owned(),
            refresh_expires_in: ends_at.since(now).as_secs(),
            session_id: session.id.to_string(),
        })
    }
}
