//! The error codes of the protocol.

use std::fmt;

/// An error code that clients are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// The user or the authorization server denied the request (RFC 6749, section 4.1.2.1).
    AccessDenied,
    /// The user must choose an account, and the client asked for no interaction (OpenID Connect Core, 3.1.2.6).
    AccountSelectionRequired,
    /// The user must consent, and the client asked for no interaction (OpenID Connect Core, 3.1.2.6).
    ConsentRequired,
    /// The access token lacks a scope (RFC 6750, section 3.1).
    InsufficientScope,
    /// Client authentication failed (RFC 6749, section 5.2).
    InvalidClient,
    /// The code or refresh token cannot be used (RFC 6749, section 5.2).
    InvalidGrant,
    /// A parameter is missing, repeated or malformed (RFC 6749, section 4.1.2.1).
    InvalidRequest,
    /// The scope is unknown, malformed or exceeds the grant (RFC 6749, section 4.1.2.1).
    InvalidScope,
    /// The access token is missing, malformed, expired or revoked (RFC 6750, section 3.1).
    InvalidToken,
    /// The user must sign in, and the client asked for no interaction (OpenID Connect Core, 3.1.2.6).
    LoginRequired,
    /// Request objects are not supported (OpenID Connect Core, 3.1.2.6).
    RequestNotSupported,
    /// Request objects by reference are not supported (OpenID Connect Core, 3.1.2.6).
    RequestUriNotSupported,
    /// The authorization server failed (RFC 6749, section 4.1.2.1).
    ServerError,
    /// The authorization server is unavailable for a moment (RFC 6749, section 4.1.2.1).
    TemporarilyUnavailable,
    /// The client may not use this grant type (RFC 6749, section 5.2).
    UnauthorizedClient,
    /// A requested authentication context cannot be reached (OpenID Connect, unmet authentication requirements).
    UnmetAuthenticationRequirements,
    /// The token endpoint does not know the grant type (RFC 6749, section 5.2).
    UnsupportedGrantType,
    /// The authorization endpoint does not know the response type (RFC 6749, section 4.1.2.1).
    UnsupportedResponseType,
}

impl ErrorCode {
    /// Returns the code as it is registered.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::AccountSelectionRequired => "account_selection_required",
            Self::ConsentRequired => "consent_required",
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidToken => "invalid_token",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
