//! Grants: the tokens that a log-in or a refresh returns.

use std::sync::Arc;

use api::Error;
use cloud::{Clock, Cloud, FromSecret, Random, SettingError};
use domain::{AttributesSchema, Presented, RoleName, Seeds, Session, Timestamp, User};
use schemars::JsonSchema;
use serde::Serialize;
use store::{Identities, RecentRoles};
use tokens::{AccessClaims, Issuer, IssuerSettings, oauth::OauthKeys};
use tokio::sync::OnceCell;
use tracing::warn;

use super::attributes_schema;

/// Tokens for a session, in the field names of RFC 6749, section 5.1.
#[derive(JsonSchema, Serialize)]
pub struct Grant {
    /// The access token, for `authorization: Bearer`.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// The lifetime of the access token in seconds.
    expires_in: u64,
    /// The refresh token, for the next refresh only.
    refresh_token: String,
    /// Seconds until the session ends if it is not refreshed.
    refresh_expires_in: u64,
    #[schemars(extend("format" = "uuid"))]
    session_id: String,
}

/// Creates grants for `log-in` and `refresh-session`.
pub struct Grants {
    identities: Identities,
    roles: RecentRoles,
    keys: FromSecret<SigningKeys>,
    schema: AttributesSchema,
    clock: Clock,
    random: Random,
}

/// The keys of one version of the keys secret.
pub struct SigningKeys {
    /// Issues and opens tokens.
    pub issuer: Issuer,
    /// Makes and opens the texts of OAuth.
    pub oauth: OauthKeys,
    published: OnceCell<()>,
}

/// Returns the settings of tokens: `ISSUER`, `AUDIENCE` and `ACCESS_TOKEN_SECONDS`.
///
/// # Errors
/// If a setting is missing.
pub fn issuing(cloud: &Cloud) -> Result<IssuerSettings, SettingError> {
    let settings = cloud.settings();
    Ok(IssuerSettings {
        issuer: settings.text("ISSUER")?,
        audience: settings.text("AUDIENCE")?,
        lifetime: settings.seconds("ACCESS_TOKEN_SECONDS")?,
    })
}

impl Grants {
    /// Creates grants with the settings of [`issuing`], `ATTRIBUTES_SCHEMA` and `KEYS_SECRET`.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud, identities: &Identities) -> Result<Self, SettingError> {
        let issuing = issuing(cloud)?;
        let derive = move |seeds: &Seeds| {
            let issuer = Issuer::new(seeds, issuing.clone()).ok()?;
            Some(SigningKeys { issuer, oauth: OauthKeys::derive(seeds), published: OnceCell::new() })
        };
        Ok(Self {
            identities: identities.clone(),
            roles: RecentRoles::new(identities),
            keys: FromSecret::keys(cloud, derive)?,
            schema: attributes_schema(cloud)?,
            clock: cloud.clock(),
            random: cloud.random(),
        })
    }

    /// Makes the first signature and publishes the key, ahead of the first request.
    pub async fn warm(&self) {
        // A failure occurs again at the first request, which reports it.
        let Ok(keys) = self.keys.get().await else { return };
        let sign = async {
            // The first signature with RSA is slow.
            if keys.issuer.is_slow_at_first() {
                let issuer = keys.issuer.clone();
                let _ = tokio::task::spawn_blocking(move || issuer.warm()).await;
            }
        };
        let _ = tokio::join!(sign, self.publish(Arc::clone(&keys)));
    }

    /// Returns the keys. The signing key has been published, so that verifiers can find it.
    ///
    /// # Errors
    /// If the keys cannot be read or published.
    pub async fn keys(&self) -> Result<Arc<SigningKeys>, Error> {
        self.publish(self.keys.get().await?).await
    }

    /// Returns the newest keys, for a token with an unknown key.
    ///
    /// # Errors
    /// If the keys cannot be read or published.
    pub async fn newest_keys(&self) -> Result<Arc<SigningKeys>, Error> {
        self.publish(self.keys.newest().await?).await
    }

    async fn publish(&self, keys: Arc<SigningKeys>) -> Result<Arc<SigningKeys>, Error> {
        let public = || keys.issuer.public_key(self.clock.now());
        keys.published.get_or_try_init(|| async { self.identities.publish_key(&public()).await }).await?;
        Ok(keys)
    }

    /// Reads the roles ahead, so that the calls of a request do not reveal whether the user has roles. If
    /// this fails, [`Self::grant`] reads them again.
    pub async fn read_roles_ahead(&self, now: Timestamp) {
        let _ = self.roles.read_ahead(now).await;
    }

    /// Returns the tokens of the session's current generation, with the user's current permissions.
    ///
    /// # Errors
    /// If the roles cannot be read, or the key cannot sign.
    pub async fn grant(
        &self,
        keys: &SigningKeys,
        user: &User,
        session: &Session,
        now: Timestamp,
    ) -> Result<Grant, Error> {
        let rights = self.roles.rights(user, now).await?;
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
            token_id: self.random.uuid(),
            attributes: self.schema.claims(&user.attributes),
        };
        let current = Presented { user_id: user.id, session_id: session.id, generation: session.generation };
        let issuer = &keys.issuer;
        Ok(Grant {
            access_token: issuer.access_token(&claims, now)?.expose().to_owned(),
            token_type: "Bearer",
            expires_in: issuer.lifetime().as_secs(),
            refresh_token: issuer.refresh_token(current).expose().to_owned(),
            refresh_expires_in: session.ends_at().since(now).as_secs(),
            session_id: session.id.to_string(),
        })
    }
}
