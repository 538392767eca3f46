//! OAuth 2.1 and OpenID Connect: clients, authorization requests, grants and consents.
//!
//! The rules follow OAuth 2.1 (draft 16), OpenID Connect Core 1.0 and the security practice of RFC 9700.

mod authorization;
mod client;
mod consent;
mod error;
mod grant;
mod next_step;
mod redirect_uri;
mod scope;

pub use authorization::{
    AuthorizationCode, AuthorizationError, AuthorizationRequest, CodeChallenge, Parameters, Prompt, Prompts,
    ResponseMode,
};
pub use client::{
    AuthMethod, Client, ClientChange, ClientId, ClientKind, ClientName, ClientSecret, GrantType,
    InvalidClient, InvalidClientId, InvalidClientName, NewClient, SecretHash,
};
pub use consent::Consent;
pub use error::ErrorCode;
pub use grant::{Grant, GrantEnd, GrantRefused, NewGrant, PresentedGrant, StartedGrant};
pub use next_step::{BrowserUser, Choices, NextStep};
pub use redirect_uri::{InvalidRedirectUri, RedirectUri};
pub use scope::{InvalidScope, Scope};
