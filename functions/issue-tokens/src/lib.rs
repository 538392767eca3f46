//! `POST /oauth2/token`: gives a client its tokens.
//!
//! A code is redeemed once: the grant that it starts has an id that the code names. A refresh token of the immediately
//! previous generation gets the same successor for a few seconds. Another use of it ends the grant.

mod code;
mod refresh;
mod response;

use std::{sync::Arc, time::Duration};

use api::{Anonymous, Endpoint, Error, Form, Json, OauthError, ProblemType, Route, UseCase};
use application::{oauth::PresentedClient, representations::Grants};
use cloud::{Cloud, SettingError};
use domain::{
    Secret, SessionLimits,
    oauth::{Client, ErrorCode, GrantType, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use store::{Store, oauth::RecentClients};

pub use response::Tokens;

/// More would give a thief of the previous token too much time.
const LONGEST_RETRY_WINDOW: Duration = Duration::from_mins(1);

/// Gives clients their tokens.
pub struct IssueTokens {
    store: Store,
    clients: RecentClients,
    grants: Grants,
    lifetimes: SessionLimits,
    retry_window: Duration,
    issuer: String,
    audience: String,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<IssueTokens>, SettingError> {
    let settings = cloud.settings();
    let retry_window = settings.seconds("REFRESH_RETRY_SECONDS")?;
    if retry_window > LONGEST_RETRY_WINDOW {
        return Err(SettingError::new("REFRESH_RETRY_SECONDS", "must be 0 to 60"));
    }
    let store = Store::new(cloud)?;
    let identities = store.identities().clone();
    let issue = IssueTokens {
        clients: RecentClients::new(&identities),
        grants: Grants::new(cloud, &identities)?,
        lifetimes: SessionLimits {
            idle: settings.seconds("SESSION_IDLE_SECONDS")?,
            absolute: settings.seconds("SESSION_ABSOLUTE_SECONDS")?,
        },
        retry_window,
        issuer: settings.text("ISSUER")?,
        audience: settings.text("AUDIENCE")?,
        store,
    };
    Endpoint::new(cloud, identities, issue)
}

/// A request for tokens.
#[derive(Deserialize, JsonSchema)]
pub struct Request {
    /// `authorization_code`, `refresh_token` or `client_credentials`.
    grant_type: Option<String>,
    /// The code, for `authorization_code`.
    code: Option<String>,
    /// The redirect URI of the authorization request.
    redirect_uri: Option<String>,
    /// The code verifier (RFC 7636).
    #[schemars(with = "Option<String>")]
    code_verifier: Option<Secret>,
    /// The refresh token, for `refresh_token`.
    #[schemars(with = "Option<String>")]
    refresh_token: Option<Secret>,
    /// A narrower scope.
    scope: Option<String>,
    /// The client, unless it authenticates with a header.
    client_id: Option<String>,
    /// The secret of the client, for `client_secret_post`.
    #[schemars(with = "Option<String>")]
    client_secret: Option<Secret>,
}

impl UseCase for IssueTokens {
    const ROUTES: &'static [Route] = &[Route::post("/oauth2/token").without_idempotency_key()];
    const PROBLEMS: &'static [ProblemType] = &[];
    const IS_OAUTH: bool = true;
    type Caller = Anonymous;
    type Request = Form<Request>;
    type Response = Json<Tokens>;

    async fn warm(&self) {
        self.grants.warm().await;
    }

    async fn run(&self, caller: Self::Caller, Form(request): Self::Request) -> Result<Self::Response, Error> {
        let Request { client_id, client_secret, .. } = &request;
        let presented = PresentedClient::read(&caller.head, client_id.as_deref(), client_secret.as_ref())?;
        let client = presented.authenticate(&self.clients, &caller.head).await?;
        let missing = OauthError::new(ErrorCode::InvalidRequest, "The parameter grant_type is missing.");
        let grant_type = request.grant_type.as_deref().filter(|name| !name.is_empty()).ok_or(missing)?;
        let unsupported =
            OauthError::new(ErrorCode::UnsupportedGrantType, "The grant type is not supported.");
        let grant_type = GrantType::named(grant_type).ok_or(unsupported)?;
        if !client.has_grant_type(grant_type) {
            let description = "The client cannot use this grant type.";
            return Err(OauthError::new(ErrorCode::UnauthorizedClient, description).into());
        }
        let tokens = match grant_type {
            GrantType::AuthorizationCode => self.redeem_code(&caller, &client, &request).await?,
            GrantType::RefreshToken => self.refresh(&caller, &client, &request).await?,
            GrantType::ClientCredentials => self.issue_to_service(&caller, &client, &request).await?,
        };
        Ok(Json(tokens))
    }
}

/// The text does not say why a code or token is refused, since only an attacker would use that.
const INVALID_GRANT: OauthError = OauthError::new(
    ErrorCode::InvalidGrant,
    "The code or refresh token is invalid, was used, or has expired.",
);

/// Returns the scope that a request narrows `granted` to.
fn narrowed(granted: &Scope, requested: Option<&str>) -> Result<Scope, OauthError> {
    let Some(requested) = requested.filter(|scope| !scope.is_empty()) else { return Ok(granted.clone()) };
    let scope = Scope::parse(requested).ok().filter(|scope| scope.is_within(granted));
    scope.ok_or(OauthError::new(ErrorCode::InvalidScope, "The scope is malformed or exceeds the grant."))
}

impl IssueTokens {
    /// Gives a service a token for itself.
    async fn issue_to_service(
        &self,
        caller: &Anonymous,
        client: &Arc<Client>,
        request: &Request,
    ) -> Result<Tokens, Error> {
        let scope = narrowed(&client.scope, request.scope.as_deref())?;
        let keys = self.grants.keys().await?;
        Ok(self.service_tokens(&keys, client, &scope, &caller.head)?)
    }
}
