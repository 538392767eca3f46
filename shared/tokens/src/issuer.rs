//! Makes tokens, and opens the ones that only Gatepost itself reads.

use std::time::Duration;

use domain::{CanonicalEmail, Presented, PublicKey, Secret, Seeds, Timestamp};
use jsonwebtoken::Header;

use crate::{
    InvalidToken, KeyUnusable, KnownDevice, NotOpened,
    access::{AccessClaims, Claims, TYPE},
    device::DeviceKeys,
    refresh::RefreshKeys,
    signing::SigningKey,
};

/// What every access token says.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// `iss`: the deployment's public URL.
    pub issuer: String,
    /// `aud`, and the `client_id` while there is one client.
    pub audience: String,
    /// How long an access token is good.
    pub lifetime: Duration,
}

/// Makes access, refresh and device tokens with keys derived from the deployment's seeds.
#[derive(Clone)]
pub struct Issuer {
    settings: IssuerSettings,
    key: SigningKey,
    /// The same in every token.
    header: Header,
    refresh: RefreshKeys,
    device: DeviceKeys,
}

impl Issuer {
    /// Derives the keys; done once for a process.
    ///
    /// # Errors
    /// [`KeyUnusable`] if the seed yields no key, which no random seed does.
    pub fn new(seeds: &Seeds, settings: IssuerSettings) -> Result<Self, KeyUnusable> {
        let key = SigningKey::of(seeds.signing().ok_or(KeyUnusable)?)?;
        let header = key.header(TYPE);
        let (refresh, device) = (RefreshKeys::derive(seeds), DeviceKeys::derive(seeds));
        Ok(Self { settings, key, header, refresh, device })
    }

    /// How long an access token is good.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.settings.lifetime
    }

    /// Returns the public half of the signing key, which signs from `not_before`.
    #[must_use]
    pub fn public_key(&self, not_before: Timestamp) -> PublicKey {
        self.key.published(not_before)
    }

    /// Whether the first signature of a process takes much longer than the others: that of RSA does.
    #[must_use]
    pub const fn is_slow_at_first(&self) -> bool {
        self.key.is_slow_at_first()
    }

    /// Signs once and drops the result, so that the first token is as quick as the others.
    pub fn warm(&self) {
        let _ = self.key.sign(&self.header, &());
    }

    /// An access token, good from `now` for the configured lifetime.
    ///
    /// # Errors
    /// [`KeyUnusable`] if the key does not sign.
    pub fn access_token(&self, claims: &AccessClaims, now: Timestamp) -> Result<Secret, KeyUnusable> {
        self.key.sign(&self.header, &self.claims(claims, now)).map(Secret::from)
    }

    fn claims(&self, claims: &AccessClaims, now: Timestamp) -> Claims {
        Claims {
            iss: self.settings.issuer.clone(),
            sub: claims.user_id.to_string(),
            aud: self.settings.audience.clone(),
            client_id: self.settings.audience.clone(),
            exp: now.plus(self.settings.lifetime).seconds(),
            iat: now.seconds(),
            nbf: None,
            jti: claims.token_id.to_string(),
            sid: claims.session_id.to_string(),
            auth_time: claims.auth_time.seconds(),
            roles: claims.roles.clone(),
            scope: claims.scope.clone(),
            attributes: claims.attributes.clone(),
        }
    }

    /// The refresh token of a session's generation: always the same one.
    #[must_use]
    pub fn refresh_token(&self, presented: Presented) -> Secret {
        self.refresh.seal(presented)
    }

    /// What a refresh token says, if it is genuine; made with another key of the ring, it still is.
    ///
    /// # Errors
    /// [`NotOpened`] for anything that was not made with one of the keys.
    pub fn open_refresh_token(&self, token: &Secret) -> Result<Presented, NotOpened> {
        self.refresh.open(token)
    }

    /// The token of a device on which somebody has proven to own `email`.
    #[must_use]
    pub fn device_token(&self, device: &KnownDevice, email: &CanonicalEmail) -> Secret {
        self.device.seal(device, email)
    }

    /// The device that a token names, if it is genuine and was made for `email`.
    ///
    /// # Errors
    /// [`InvalidToken`] for anything else.
    pub fn open_device_token(
        &self,
        token: &Secret,
        email: &CanonicalEmail,
    ) -> Result<KnownDevice, InvalidToken> {
        self.device.open(token, email).ok_or(InvalidToken)
    }
}
