//! `GET /oauth2/userinfo`: tells a client about the user of its access token.
//!
//! The claims are those of the token's scope, as they are now. A token whose grant has ended is refused.

use api::{Endpoint, Error, GrantBearer, Json, Nothing, OauthError, ProblemType, Route, UseCase};
use application::oauth::claims;
use cloud::{Cloud, SettingError};
use domain::oauth::{ClientId, ErrorCode, Scope};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{
    Identities,
    oauth::{GrantContext, RecentClients},
};
use tokens::oauth::GrantClaims;

const PATH: &str = "/oauth2/userinfo";

/// Tells clients about users.
pub struct ReadUserinfo {
    identities: Identities,
    clients: RecentClients,
    issuer: String,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing or unusable.
pub fn function(cloud: &Cloud) -> Result<Endpoint<ReadUserinfo>, SettingError> {
    let identities = Identities::new(cloud)?;
    let clients = RecentClients::new(&identities);
    let issuer = cloud.settings().text("ISSUER")?;
    Endpoint::new(cloud, identities.clone(), ReadUserinfo { identities, clients, issuer })
}

/// The claims of a user (OpenID Connect Core 1.0, section 5.3.2).
#[derive(JsonSchema, Serialize)]
pub struct Userinfo {
    /// The user's id, as in the ID token.
    sub: String,
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl UseCase for ReadUserinfo {
    const ROUTES: &'static [Route] = &[Route::get(PATH), Route::post(PATH).without_idempotency_key()];
    const PROBLEMS: &'static [ProblemType] = &[];
    const IS_OAUTH: bool = true;
    type Caller = GrantBearer;
    type Request = Nothing;
    type Response = Json<Userinfo>;

    async fn run(&self, caller: Self::Caller, _: Self::Request) -> Result<Self::Response, Error> {
        let GrantClaims { user_id, session_id, grant_id, client_id, scope, .. } = &caller.claims;
        let ended = OauthError::new(ErrorCode::InvalidToken, "The grant of the token has ended.");
        let scope = Scope::parse(scope).map_err(|_| ended)?;
        if !scope.has(Scope::OPENID) {
            let description = "The token lacks the scope openid.";
            return Err(OauthError::new(ErrorCode::InsufficientScope, description).into());
        }
        let client_id = ClientId::parse(client_id).map_err(|_| ended)?;
        let (grant, context, client) = tokio::try_join!(
            self.identities.grant(*user_id, *session_id, *grant_id),
            self.identities.grant_context(*user_id, *session_id, &client_id),
            self.clients.recent(&client_id, caller.head.now)
        )?;
        let (Some(grant), Some(context), Some(client)) = (grant, context, client) else {
            return Err(ended.into());
        };
        let GrantContext { user, session, consent } = context;
        let stands = grant.judge(&user, session.as_ref(), consent.as_ref(), &client, caller.head.now);
        stands.map_err(|_| ended)?;
        let claims = claims(&user, &scope, &self.issuer);
        Ok(Json(Userinfo { sub: user.id.to_string(), claims }))
    }
}
