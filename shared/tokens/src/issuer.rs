//! The issuer of tokens, which also opens the ones that only Gatepost reads.

use std::time::Duration;

use domain::{Attributes, CanonicalEmail, Presented, PublicKey, Secret, Seeds, Timestamp};
use jsonwebtoken::Header;

use crate::{
    InvalidToken, KeyError, KnownDevice, RefreshTokenError,
    access::{AccessClaims, Claims, TYPE},
    device::DeviceKeys,
    oauth::{
        ACR_ONE_FACTOR, ClientToken, IdClaims,
        id_token::{self, IdToken},
    },
    refresh::RefreshKeys,
    signing::SigningKey,
};

/// The settings of all access tokens.
#[derive(Clone, Debug)]
pub struct IssuerSettings {
    /// The `iss` claim: the deployment's public URL.
    pub issuer: String,
    /// The `aud` claim, which is also the `client_id` while there is one client.
    pub audience: String,
    /// The lifetime of access tokens.
    pub lifetime: Duration,
}

/// Issues access, refresh and device tokens with keys derived from the deployment's seeds.
#[derive(Clone)]
pub struct Issuer {
    settings: IssuerSettings,
    key: SigningKey,
    /// The header of all access tokens.
    header: Header,
    refresh: RefreshKeys,
    device: DeviceKeys,
}

impl Issuer {
    /// Derives the keys, once for a process.
    ///
    /// # Errors
    /// [`KeyError`] if the seed yields no key, which does not happen for a random seed.
    pub fn new(seeds: &Seeds, settings: IssuerSettings) -> Result<Self, KeyError> {
        let key = SigningKey::of(seeds.signing().ok_or(KeyError)?)?;
        let header = key.header(TYPE);
        let (refresh, device) = (RefreshKeys::derive(seeds), DeviceKeys::derive(seeds));
        Ok(Self { settings, key, header, refresh, device })
    }

    /// Returns the lifetime of access tokens.
    #[must_use]
    pub const fn lifetime(&self) -> Duration {
        self.settings.lifetime
    }

    /// Returns the public half of the signing key, which signs from `not_before`.
    #[must_use]
    pub fn public_key(&self, not_before: Timestamp) -> PublicKey {
        self.key.published(not_before)
    }

    /// Returns whether the first signature of a process is much slower than the others, as with RSA.
    #[must_use]
    pub const fn is_slow_at_first(&self) -> bool {
        self.key.is_slow_at_first()
    }

    /// Signs once and drops the result, so that the first token is as fast as the others.
    pub fn warm(&self) {
        let _ = self.key.sign(&self.header, &());
    }

    /// Issues an access token, which is valid from `now` for the configured lifetime.
    ///
    /// # Errors
    /// [`KeyError`] if the key cannot sign.
    pub fn access_token(&self, claims: &AccessClaims, now: Timestamp) -> Result<Secret, KeyError> {
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
            sid: Some(claims.session_id.to_string()),
            auth_time: Some(claims.auth_time.seconds()),
            grant: None,
            roles: claims.roles.clone(),
            scope: claims.scope.clone(),
            attributes: claims.attributes.clone(),
        }
    }

    /// Returns an access token of a client, good from `now` for `lifetime`.
    ///
    /// # Errors
    /// [`KeyError`] if the key does not sign.
    pub fn client_token(
        &self,
        token: ClientToken,
        lifetime: Duration,
        now: Timestamp,
    ) -> Result<Secret, KeyError> {
        let grant = token.grant.as_ref();
        let claims = Claims {
            iss: self.settings.issuer.clone(),
            sub: token.subject,
            aud: token.audience,
            client_id: token.client_id,
            exp: now.plus(lifetime).seconds(),
            iat: now.seconds(),
            nbf: None,
            jti: token.token_id.to_string(),
            sid: grant.map(|grant| grant.session_id.to_string()),
            auth_time: grant.map(|grant| grant.auth_time.seconds()),
            grant: grant.map(|grant| grant.grant_id.to_string()),
            roles: token.roles,
            scope: token.scope,
            attributes: Attributes::default(),
        };
        self.key.sign(&self.header, &claims).map(Secret::from)
    }

    /// Returns the ID token that comes with an access token, good from `now` as long as that.
    ///
    /// # Errors
    /// [`KeyError`] if the key does not sign.
    pub fn id_token(
        &self,
        claims: &IdClaims,
        access_token: &Secret,
        now: Timestamp,
    ) -> Result<Secret, KeyError> {
        let token = IdToken {
            iss: &self.settings.issuer,
            sub: claims.user_id.to_string(),
            aud: &claims.client_id,
            exp: now.plus(self.settings.lifetime).seconds(),
            iat: now.seconds(),
            auth_time: claims.auth_time.seconds(),
            nonce: claims.nonce.as_deref(),
            acr: ACR_ONE_FACTOR,
            amr: ["pwd"],
            sid: claims.session_id.to_string(),
            at_hash: id_token::at_hash(access_token, self.key.algorithm()),
            claims: &claims.claims,
        };
        self.key.sign(&self.key.header(id_token::TYPE), &token).map(Secret::from)
    }

    /// Issues the refresh token of a session's generation, which is always the same.
    #[must_use]
    pub fn refresh_token(&self, presented: Presented) -> Secret {
        self.refresh.seal(presented)
    }

    /// Opens a refresh token of any key of the ring.
    ///
    /// # Errors
    /// [`RefreshTokenError`] for all other texts.
    pub fn open_refresh_token(&self, token: &Secret) -> Result<Presented, RefreshTokenError> {
        self.refresh.open(token)
    }

    /// Issues the token of a device on which the owner of `email` has logged in.
    #[must_use]
    pub fn device_token(&self, device: &KnownDevice, email: &CanonicalEmail) -> Secret {
        self.device.seal(device, email)
    }

    /// Opens the token of a device, if it was issued for `email`.
    ///
    /// # Errors
    /// [`InvalidToken`] for all other texts.
    pub fn open_device_token(
        &self,
        token: &Secret,
        email: &CanonicalEmail,
    ) -> Result<KnownDevice, InvalidToken> {
        self.device.open(token, email).ok_or(InvalidToken)
    }
}
