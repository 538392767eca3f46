//! `POST /oauth2/revoke`: ends the grant of a token that its client gives back (RFC 7009).
//!
//! The client authenticates first. A token that is unknown, belongs to another client, or whose grant has ended gets the
//! same answer as one whose grant ends now.

use api::{AccessGate, Anonymous, Endpoint, Error, Form, Json, OauthError, ProblemType, Route, UseCase};
use application::oauth::{PresentedClient, end_grant};
use cloud::{Cloud, FromSecret, SettingError};
use domain::{
    Secret,
    oauth::{ErrorCode, Grant, GrantEnd, PresentedGrant},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Store, oauth::RecentClients};
use tokens::oauth::{GrantClaims, OauthKeys};

/// Ends grants for their clients.
pub struct RevokeToken {
    store: Store,
    clients: RecentClients,
    keys: FromSecret<OauthKeys>,
    access_tokens: AccessGate,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<RevokeToken>, SettingError> {
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let revoke = RevokeToken {
        clients: RecentClients::new(&identities),
        keys: FromSecret::keys(cloud, |seeds| Some(OauthKeys::derive(seeds)))?,
        access_tokens: AccessGate::new(cloud, &identities)?,
        store,
    };
    Endpoint::new(cloud, identities, revoke)
}

/// A token that its client gives back.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// A refresh token or an access token.
    #[schemars(with = "Option<String>")]
    token: Option<Secret>,
    /// The client, unless it authenticates with a header.
    client_id: Option<String>,
    /// The secret of the client, for `client_secret_post`.
    #[schemars(with = "Option<String>")]
    client_secret: Option<Secret>,
}

/// The answer says nothing about the token.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct Revoked {}

impl UseCase for RevokeToken {
    const ROUTES: &'static [Route] = &[Route::post("/oauth2/revoke").without_idempotency_key()];
    const PROBLEMS: &'static [ProblemType] = &[];
    const IS_OAUTH: bool = true;
    type Caller = Anonymous;
    type Request = Form<Request>;
    type Response = Json<Revoked>;

    async fn run(&self, caller: Self::Caller, Form(request): Self::Request) -> Result<Self::Response, Error> {
        let Request { token, client_id, client_secret } = &request;
        let presented = PresentedClient::read(&caller.head, client_id.as_deref(), client_secret.as_ref())?;
        let client = presented.authenticate(&self.clients, &caller.head).await?;
        let missing = OauthError::new(ErrorCode::InvalidRequest, "The parameter token is missing.");
        let token = token.as_ref().filter(|token| !token.expose().is_empty()).ok_or(missing)?;
        let grant = self.grant(&caller, token).await?;
        if let Some(grant) = grant.filter(|grant| grant.client_id == client.id) {
            cloud::put_user(grant.user_id);
            end_grant(&self.store, &grant, GrantEnd::Revoked, caller.context()).await?;
        }
        Ok(Json(Revoked {}))
    }
}

impl RevokeToken {
    /// Returns the grant of a genuine refresh or access token.
    async fn grant(&self, caller: &Anonymous, token: &Secret) -> Result<Option<Grant>, Error> {
        let identities = self.store.identities();
        if let Ok(presented) = self.keys.get().await?.open_refresh_token(token) {
            let PresentedGrant { user_id, session_id, grant_id, .. } = presented;
            return Ok(identities.grant(user_id, session_id, grant_id).await?);
        }
        match self.access_tokens.verify_grant(token.expose(), caller.head.now).await {
            Ok(GrantClaims { user_id, session_id, grant_id, .. }) => {
                Ok(identities.grant(user_id, session_id, grant_id).await?)
            }
            // Forged or expired: there is nothing to end.
            Err(Error::Problem(problem)) if problem.kind().status() == 401 => Ok(None),
            Err(error) => Err(error),
        }
    }
}
