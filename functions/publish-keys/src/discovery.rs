//! The discovery document of the OpenID provider.

use domain::{SigningAlgorithm, oauth::Scope};
use schemars::JsonSchema;
use serde::Serialize;

use crate::JWKS;

/// The discovery document (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2).
#[derive(JsonSchema, Serialize)]
pub struct Discovery {
    /// As in the tokens' `iss`.
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    revocation_endpoint: String,
    jwks_uri: String,
    scopes_supported: [&'static str; Scope::BUILT_IN.len()],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 3],
    subject_types_supported: [&'static str; 1],
    /// Each algorithm that tokens may be signed with, now or after a rotation.
    id_token_signing_alg_values_supported: [&'static str; SigningAlgorithm::ALL.len()],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    code_challenge_methods_supported: [&'static str; 1],
    claims_supported: [&'static str; 15],
    acr_values_supported: [&'static str; 1],
    prompt_values_supported: [&'static str; 5],
    authorization_response_iss_parameter_supported: bool,
    /// The default is true.
    request_uri_parameter_supported: bool,
}

impl Discovery {
    pub(crate) fn of(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: format!("{issuer}/oauth2/authorize"),
            token_endpoint: format!("{issuer}/oauth2/token"),
            userinfo_endpoint: format!("{issuer}/oauth2/userinfo"),
            revocation_endpoint: format!("{issuer}/oauth2/revoke"),
            jwks_uri: format!("{issuer}{JWKS}"),
            scopes_supported: Scope::BUILT_IN,
            response_types_supported: ["code"],
            response_modes_supported: ["query", "form_post"],
            grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::name),
            token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
            code_challenge_methods_supported: ["S256"],
            claims_supported: [
                "sub",
                "iss",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "sid",
                "name",
                "given_name",
                "family_name",
                "email",
                "email_verified",
            ],
            acr_values_supported: ["urn:gatepost:1fa"],
            prompt_values_supported: ["none", "login", "consent", "select_account", "create"],
            authorization_response_iss_parameter_supported: true,
            request_uri_parameter_supported: false,
        }
    }
}
