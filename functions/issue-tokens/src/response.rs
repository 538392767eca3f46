//! The tokens of a response.

use api::Head;
use application::{oauth::claims, representations::SigningKeys};
use domain::{
    User,
    oauth::{Client, Grant, GrantType, PresentedGrant, Scope},
};
use schemars::JsonSchema;
use serde::Serialize;
use tokens::{
    KeyError,
    oauth::{ClientToken, GrantClaims, IdClaims},
};

use crate::IssueTokens;

/// Tokens of a client (RFC 6749, section 5.1).
#[derive(JsonSchema, Serialize)]
pub struct Tokens {
    /// For the services that the client calls.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Seconds.
    expires_in: u64,
    /// For the next tokens, and only that.
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    /// Says to the client who the user is, with the scope `openid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
    /// The scope, tokens separated by a space.
    scope: String,
}

impl IssueTokens {
    /// Makes the tokens of a grant's current generation.
    pub(crate) fn tokens(
        &self,
        keys: &SigningKeys,
        client: &Client,
        user: &User,
        grant: &Grant,
        nonce: Option<&str>,
        head: &Head,
    ) -> Result<Tokens, KeyError> {
        let issuer = &keys.issuer;
        let grant_claims = GrantClaims {
            user_id: user.id,
            session_id: grant.session_id,
            grant_id: grant.id,
            auth_time: grant.authenticated_at,
            client_id: client.id.to_string(),
            scope: grant.scope.to_string(),
        };
        let token = ClientToken {
            subject: user.id.to_string(),
            client_id: client.id.to_string(),
            audience: self.audience_of(client),
            scope: grant.scope.to_string(),
            token_id: head.new_id::<()>().uuid(),
            grant: Some(grant_claims),
            roles: if client.is_first_party { user.roles.clone() } else { Vec::new() },
        };
        let access_token = issuer.client_token(token, issuer.lifetime(), head.now)?;
        let id_token = if grant.scope.has(Scope::OPENID) {
            let claims = IdClaims {
                user_id: user.id,
                client_id: client.id.to_string(),
                session_id: grant.session_id,
                auth_time: grant.authenticated_at,
                nonce: nonce.map(str::to_owned),
                claims: claims(user, &grant.scope, &self.issuer),
            };
            Some(issuer.id_token(&claims, &access_token, head.now)?.expose().to_owned())
        } else {
            None
        };
        let presented = PresentedGrant {
            user_id: user.id,
            session_id: grant.session_id,
            grant_id: grant.id,
            generation: grant.generation,
        };
        let refresh_token = client.has_grant_type(GrantType::RefreshToken);
        let refresh_token = refresh_token.then(|| keys.oauth.refresh_token(presented).expose().to_owned());
        Ok(Tokens {
            access_token: access_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: issuer.lifetime().as_secs(),
            refresh_token,
            id_token,
            scope: grant.scope.to_string(),
        })
    }

    /// Makes the token of a service, which acts for itself.
    pub(crate) fn service_tokens(
        &self,
        keys: &SigningKeys,
        client: &Client,
        scope: &Scope,
        head: &Head,
    ) -> Result<Tokens, KeyError> {
        let issuer = &keys.issuer;
        let token = ClientToken {
            subject: client.id.to_string(),
            client_id: client.id.to_string(),
            audience: self.audience_of(client),
            scope: scope.to_string(),
            token_id: head.new_id::<()>().uuid(),
            grant: None,
            roles: Vec::new(),
        };
        let access_token = issuer.client_token(token, issuer.lifetime(), head.now)?;
        Ok(Tokens {
            access_token: access_token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: issuer.lifetime().as_secs(),
            refresh_token: None,
            id_token: None,
            scope: scope.to_string(),
        })
    }

    /// The owner's own clients get tokens for the owner's services, others for the endpoints of the issuer.
    fn audience_of(&self, client: &Client) -> String {
        if client.is_first_party { self.audience.clone() } else { self.issuer.clone() }
    }
}
