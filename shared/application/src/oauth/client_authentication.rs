//! Client authentication (RFC 6749, section 2.3).

use std::{borrow::Cow, sync::Arc};

use api::{Error, Head, OauthError};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    Secret,
    oauth::{AuthMethod, Client, ClientId, ErrorCode},
};
use percent_encoding::percent_decode_str;
use store::oauth::RecentClients;
use tokens::oauth::NewClientSecret;

/// The credentials that a client presents.
pub struct PresentedClient {
    id: ClientId,
    method: AuthMethod,
    secret: Option<Secret>,
}

/// The text does not say why, since only an attacker would use that.
const INVALID_CLIENT: OauthError = OauthError::new(ErrorCode::InvalidClient, "Client authentication failed.");

impl PresentedClient {
    /// Reads the client of a request; `client_id` and `client_secret` are the parameters of its body.
    ///
    /// # Errors
    /// [`OauthError`] if no client is named, or it authenticates in more than one way.
    pub fn read(
        head: &Head,
        client_id: Option<&str>,
        client_secret: Option<&Secret>,
    ) -> Result<Self, OauthError> {
        let parse = |id: &str| ClientId::parse(id).map_err(|_| INVALID_CLIENT);
        if let Some(credentials) = head.basic_credentials() {
            let (id, secret) = basic(credentials).ok_or(INVALID_CLIENT)?;
            if client_secret.is_some() || client_id.is_some_and(|client_id| client_id != id) {
                let description = "The client authenticates in more than one way.";
                return Err(OauthError::new(ErrorCode::InvalidRequest, description));
            }
            return Ok(Self { id: parse(&id)?, method: AuthMethod::ClientSecretBasic, secret: Some(secret) });
        }
        if head.is_authorized() {
            return Err(INVALID_CLIENT);
        }
        let id = parse(client_id.ok_or(INVALID_CLIENT)?)?;
        let method = if client_secret.is_some() { AuthMethod::ClientSecretPost } else { AuthMethod::None };
        Ok(Self { id, method, secret: client_secret.cloned() })
    }

    /// Returns the client, authenticated. One that is refused is read again once: its secret may be new.
    ///
    /// # Errors
    /// [`OauthError`], or if the table does not answer.
    pub async fn authenticate(&self, clients: &RecentClients, head: &Head) -> Result<Arc<Client>, Error> {
        let recent = clients.recent(&self.id, head.now).await?.filter(|client| self.is(client));
        if let Some(client) = recent {
            return Ok(client);
        }
        let newest = clients.newest(&self.id, head.now).await?.filter(|client| self.is(client));
        Ok(newest.ok_or(INVALID_CLIENT)?)
    }

    fn is(&self, client: &Client) -> bool {
        let has_secret = match &self.secret {
            Some(secret) => {
                NewClientSecret::is_one_of(secret, client.secrets.iter().map(|secret| &secret.hash))
            }
            None => !client.is_confidential(),
        };
        client.deleted_at.is_none() && client.auth_method == self.method && has_secret
    }
}

/// Id and secret are form-encoded before they are joined (RFC 6749, section 2.3.1).
fn basic(credentials: &str) -> Option<(String, Secret)> {
    let text = String::from_utf8(STANDARD.decode(credentials).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().ok().map(Cow::into_owned)
    };
    Some((decode(id)?, Secret::from(decode(secret)?)))
}
