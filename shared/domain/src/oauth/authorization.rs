//! Authorization requests, checked in an order in which nothing is redirected before client and redirect URI hold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Client, ErrorCode, GrantType, Scope};
use crate::{GrantId, SessionId, Timestamp, UserId};

/// Bytes of all parameters together. Sealed, they must fit into a URL.
const MAX_PARAMETERS: usize = 3 * 1024;
/// Bytes of `nonce`, which comes back in the ID token.
const MAX_NONCE: usize = 512;
/// Characters of base64url that stand for SHA-256 (RFC 7636, section 4.2).
const CHALLENGE: usize = 43;

/// The parameters of a request, each at most once.
#[derive(Clone, Debug, Default)]
pub struct Parameters(BTreeMap<String, String>);

/// A request that client and redirect URI hold for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct AuthorizationRequest {
    /// The client.
    pub client_id: String,
    /// Where the answer is sent.
    pub redirect_uri: String,
    /// How the answer is sent.
    pub response_mode: ResponseMode,
    /// The value that the client recognizes the answer by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The requested scope, without the tokens that the client may not have.
    pub scope: Scope,
    /// The value that comes back in the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The code challenge; `None` only for a confidential client that may do without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<CodeChallenge>,
    /// The questions that the client wants.
    #[serde(default, skip_serializing_if = "Prompts::is_empty")]
    pub prompts: Prompts,
    /// The longest time since the user authenticated, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// The address that the user probably signs in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_hint: Option<String>,
    /// The languages that the user reads, as they were sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ui_locales: Option<String>,
    /// The time at which the request arrived, in milliseconds.
    pub begun_at: i64,
}

/// How an answer is sent to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the query of the redirect URI.
    #[default]
    Query,
    /// In a form that the browser posts.
    FormPost,
}

/// An S256 code challenge (RFC 7636).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct CodeChallenge(String);

/// A question to the user that a client wants (OpenID Connect Core 1.0, section 3.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Prompt {
    /// Nothing.
    None,
    /// To authenticate again.
    Login,
    /// To consent again.
    Consent,
    /// To choose an account.
    SelectAccount,
    /// To register (Initiating User Registration via OpenID Connect 1.0).
    Create,
}

/// A set of prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Prompts(Vec<Prompt>);

/// The content of an authorization code, which only Gatepost reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// The user.
    pub user_id: UserId,
    /// The browser session.
    pub session_id: SessionId,
    /// The grant that redeeming it starts.
    pub grant_id: GrantId,
    /// The client.
    pub client_id: String,
    /// SHA-256 of the redirect URI.
    pub redirect_uri_hash: [u8; 32],
    /// The code challenge.
    pub code_challenge: Option<CodeChallenge>,
    /// The value that comes back in the ID token.
    pub nonce: Option<String>,
    /// The scope of the grant.
    pub scope: Scope,
    /// The time at which it was issued.
    pub issued_at: Timestamp,
}

/// The reason why an authorization request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthorizationError {
    /// Nothing that was sent can be trusted: the answer is a page.
    Shown(ErrorCode, &'static str),
    /// Client and redirect URI hold: the client is told.
    Sent {
        /// Where the answer is sent.
        redirect_uri: String,
        /// How it is sent.
        response_mode: ResponseMode,
        /// The value that the client recognizes the answer by.
        state: Option<String>,
        /// The error.
        code: ErrorCode,
        /// The reason, from a fixed list.
        description: &'static str,
    },
}

impl Parameters {
    /// Collects parameters. One without a value is left out (RFC 6749, section 3.1).
    ///
    /// # Errors
    /// [`AuthorizationError::Shown`] if one is repeated, or all together are too long.
    pub fn parse(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, AuthorizationError> {
        let (mut parameters, mut length) = (BTreeMap::new(), 0);
        for (name, value) in pairs {
            length += name.len() + value.len();
            if length > MAX_PARAMETERS {
                return Err(shown("The parameters are too long."));
            }
            if !value.is_empty() && parameters.insert(name, value).is_some() {
                return Err(shown("A parameter is repeated."));
            }
        }
        Ok(Self(parameters))
    }

    /// Returns the value of a parameter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Takes a parameter out.
    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }
}

impl AuthorizationRequest {
    /// Checks a request of `client` that arrived at `now`.
    ///
    /// # Errors
    /// [`AuthorizationError`].
    pub fn check(
        mut parameters: Parameters,
        client: &Client,
        now: Timestamp,
    ) -> Result<Self, AuthorizationError> {
        let redirect_uri =
            parameters.take("redirect_uri").ok_or(shown("The parameter redirect_uri is missing."))?;
        if client.deleted_at.is_some() || !client.permits_redirect(&redirect_uri) {
            return Err(shown("The redirect URI is not registered for this application."));
        }
        let state = parameters.take("state");
        let (mode, response_mode) = match parameters.get("response_mode") {
            None | Some("query") => (Ok(()), ResponseMode::Query),
            Some("form_post") => (Ok(()), ResponseMode::FormPost),
            Some(_) => {
                (Err((ErrorCode::InvalidRequest, "The response mode is not supported.")), ResponseMode::Query)
            }
        };
        let checked = mode.and_then(|()| Checked::read(&mut parameters, client));
        match checked {
            Ok(Checked { scope, nonce, code_challenge, prompts, max_age }) => Ok(Self {
                client_id: client.id.to_string(),
                redirect_uri,
                response_mode,
                state,
                scope,
                nonce,
                code_challenge,
                prompts,
                max_age,
                login_hint: parameters.take("login_hint"),
                ui_locales: parameters.take("ui_locales"),
                begun_at: now.millis(),
            }),
            Err((code, description)) => {
                Err(AuthorizationError::Sent { redirect_uri, response_mode, state, code, description })
            }
        }
    }

    /// Returns the error that the client of this request is told.
    #[must_use]
    pub fn refuse(&self, code: ErrorCode, description: &'static str) -> AuthorizationError {
        AuthorizationError::Sent {
            redirect_uri: self.redirect_uri.clone(),
            response_mode: self.response_mode,
            state: self.state.clone(),
            code,
            description,
        }
    }

    /// Returns the time at which the request arrived.
    #[must_use]
    pub const fn begun_at(&self) -> Timestamp {
        Timestamp::from_millis(self.begun_at)
    }
}

/// The parameters whose errors a client is told.
struct Checked {
    scope: Scope,
    nonce: Option<String>,
    code_challenge: Option<CodeChallenge>,
    prompts: Prompts,
    max_age: Option<u32>,
}

type Told = (ErrorCode, &'static str);

impl Checked {
    fn read(parameters: &mut Parameters, client: &Client) -> Result<Self, Told> {
        const INVALID: ErrorCode = ErrorCode::InvalidRequest;
        if parameters.get("request").is_some() {
            return Err((ErrorCode::RequestNotSupported, "Request objects are not supported."));
        }
        if parameters.get("request_uri").is_some() {
            return Err((ErrorCode::RequestUriNotSupported, "Request objects are not supported."));
        }
        match parameters.get("response_type") {
            Some("code") => {}
            None => return Err((INVALID, "The parameter response_type is missing.")),
            Some(_) => {
                return Err((
                    ErrorCode::UnsupportedResponseType,
                    "Only the response type code is supported.",
                ));
            }
        }
        if !client.has_grant_type(GrantType::AuthorizationCode) {
            return Err((ErrorCode::UnauthorizedClient, "The client cannot use this grant type."));
        }
        let code_challenge = code_challenge(parameters, client)?;
        let scope = Scope::parse(parameters.get("scope").unwrap_or_default());
        let scope = scope.map_err(|_| (ErrorCode::InvalidScope, "The scope is malformed."))?;
        let scope = scope.common(&client.scope);
        if scope.is_empty() {
            return Err((ErrorCode::InvalidScope, "The client may not have any of these scopes."));
        }
        let nonce = parameters.take("nonce");
        if nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_NONCE) {
            return Err((INVALID, "The nonce is too long."));
        }
        let max_age = parameters.get("max_age").map(str::parse).transpose();
        let max_age = max_age.map_err(|_| (INVALID, "The parameter max_age is not a number of seconds."))?;
        let prompts = Prompts::parse(parameters.get("prompt").unwrap_or_default())
            .ok_or((INVALID, "The parameter prompt is malformed."))?;
        Ok(Self { scope, nonce, code_challenge, prompts, max_age })
    }
}

/// Reads the code challenge. Without a method it would be `plain`, which is refused like every other method than S256.
fn code_challenge(parameters: &mut Parameters, client: &Client) -> Result<Option<CodeChallenge>, Told> {
    let method = parameters.take("code_challenge_method");
    match (parameters.take("code_challenge"), method.as_deref()) {
        (None, None) if !client.requires_pkce => Ok(None),
        (None, _) => Err((ErrorCode::InvalidRequest, "A code challenge is required.")),
        (Some(challenge), Some("S256")) => CodeChallenge::parse(&challenge)
            .map(Some)
            .ok_or((ErrorCode::InvalidRequest, "The code challenge is malformed.")),
        (Some(_), _) => Err((ErrorCode::InvalidRequest, "The code challenge method must be S256.")),
    }
}

impl CodeChallenge {
    /// Parses a challenge: base64url of SHA-256, without padding.
    fn parse(text: &str) -> Option<Self> {
        let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (text.len() == CHALLENGE && text.bytes().all(is_base64url)).then(|| Self(text.to_owned()))
    }

    /// Returns the challenge as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Prompts {
    fn parse(text: &str) -> Option<Self> {
        let named = |name: &str| match name {
            "none" => Some(Prompt::None),
            "login" => Some(Prompt::Login),
            "consent" => Some(Prompt::Consent),
            "select_account" => Some(Prompt::SelectAccount),
            "create" => Some(Prompt::Create),
            _ => None,
        };
        if text.is_empty() {
            return Some(Self::default());
        }
        let prompts = text.split(' ').map(named).collect::<Option<Vec<_>>>()?;
        // `none` excludes every other value.
        (prompts.len() == 1 || !prompts.contains(&Prompt::None)).then_some(Self(prompts))
    }

    /// Returns whether the set has this prompt.
    #[must_use]
    pub fn has(&self, prompt: Prompt) -> bool {
        self.0.contains(&prompt)
    }

    /// Returns whether the client did not ask for anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

const fn shown(description: &'static str) -> AuthorizationError {
    AuthorizationError::Shown(ErrorCode::InvalidRequest, description)
}
