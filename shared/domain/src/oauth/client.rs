//! Clients: the applications that users sign in to.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;
use thiserror::Error;
use uuid::Uuid;

use super::{RedirectUri, Scope};
use crate::{ClientSecretId, Event, EventContext, EventKind, Stream, Timestamp, Transition};

/// Bytes.
const MAX_CLIENT_ID: usize = 64;
/// Unicode code points.
const MAX_CLIENT_NAME: usize = 60;

/// The id of a client, which its administrator chooses.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct ClientId(String);

/// The text is not a client id.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error(
    "must be 3 to 64 lower-case letters, digits, `-`, `.` and `_`, begin with a letter, and not be a UUID"
)]
pub struct InvalidClientId;

/// The name of a client, as users see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct ClientName(String);

/// The text is not the name of a client.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("must be 1 to 60 characters without control characters")]
pub struct InvalidClientName;

/// The kind of a client, which decides about its redirect URIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// An application on a server or in a browser.
    Web,
    /// An application on a device.
    Native,
    /// A service that acts for itself and has no users.
    Service,
}

/// The way a client gets tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantType {
    /// With a code that the user's browser brings.
    AuthorizationCode,
    /// With a refresh token.
    RefreshToken,
    /// With its own credentials, for itself.
    ClientCredentials,
}

/// The way a client authenticates at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthMethod {
    /// Not at all: a public client cannot keep a secret.
    None,
    /// With its secret in the `authorization` header.
    ClientSecretBasic,
    /// With its secret in the body.
    ClientSecretPost,
}

/// SHA-256 of a client secret. The secret is random, so a fast hash suffices.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

/// A secret of a confidential client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientSecret {
    /// Its id, by which an administrator removes it.
    pub id: ClientSecretId,
    /// The hash of the secret.
    pub hash: SecretHash,
    /// The time at which it was made.
    pub created_at: Timestamp,
}

/// An application that users sign in to, or a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id.
    pub id: ClientId,
    /// The sequence of its last event.
    pub version: u64,
    /// Its name.
    pub name: ClientName,
    /// Its kind.
    pub kind: ClientKind,
    /// Whether it belongs to the owner of the deployment, so that users are not asked for consent.
    pub is_first_party: bool,
    /// Where codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where users may be sent after they have signed out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// How it may get tokens.
    pub grant_types: BTreeSet<GrantType>,
    /// The scope that it may request.
    pub scope: Scope,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Its secrets, at most [`Self::MAX_SECRETS`].
    pub secrets: Vec<ClientSecret>,
    /// Whether requests need a code challenge. Only confidential clients can do without.
    pub requires_pkce: bool,
    /// Grants from before this time have ended.
    pub not_before: Timestamp,
    /// The time at which it was created.
    pub created_at: Timestamp,
    /// The time at which it was last changed.
    pub updated_at: Timestamp,
    /// The time at which it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// The properties of a client that its administrator decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewClient {
    /// Its id.
    pub id: ClientId,
    /// Its name.
    pub name: ClientName,
    /// Its kind.
    pub kind: ClientKind,
    /// Whether it belongs to the owner of the deployment.
    pub is_first_party: bool,
    /// Where codes may be sent.
    pub redirect_uris: Vec<RedirectUri>,
    /// Where users may be sent after they have signed out.
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// How it may get tokens.
    pub grant_types: BTreeSet<GrantType>,
    /// The scope that it may request.
    pub scope: Scope,
    /// How it authenticates.
    pub auth_method: AuthMethod,
    /// Whether requests need a code challenge.
    pub requires_pkce: bool,
}

/// The properties to change; `None` keeps one.
#[derive(Clone, Debug, Default)]
pub struct ClientChange {
    /// Its name.
    pub name: Option<ClientName>,
    /// Whether it belongs to the owner of the deployment.
    pub is_first_party: Option<bool>,
    /// Where codes may be sent.
    pub redirect_uris: Option<Vec<RedirectUri>>,
    /// Where users may be sent after they have signed out.
    pub post_logout_redirect_uris: Option<Vec<RedirectUri>>,
    /// How it may get tokens.
    pub grant_types: Option<BTreeSet<GrantType>>,
    /// The scope that it may request.
    pub scope: Option<Scope>,
    /// Whether requests need a code challenge.
    pub requires_pkce: Option<bool>,
}

/// The reason why the properties of a client contradict one another.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidClient {
    /// The authorization code grant without a redirect URI.
    #[error("needs at least one redirect URI for `authorization_code`")]
    NoRedirectUri,
    /// Too many redirect URIs.
    #[error("must have at most 20 redirect URIs of each kind")]
    TooManyRedirectUris,
    /// No grant type.
    #[error("needs at least one grant type")]
    NoGrantType,
    /// A grant type that the kind cannot have.
    #[error("must be `client_credentials` for a service, and cannot be for any other client")]
    GrantTypeOfOtherKind,
    /// Refresh tokens without a way to get the first one.
    #[error("needs `authorization_code` for `refresh_token`")]
    NothingToRefresh,
    /// A public service.
    #[error("must not be `none` for a service")]
    PublicService,
    /// A public client without PKCE.
    #[error("must be true for a public client")]
    PublicWithoutPkce,
    /// The scope `account` for a client that is not first-party.
    #[error("can have `account` only if the client is first-party")]
    AccountScope,
}

impl ClientId {
    /// Parses a client id. It cannot be a UUID, so that no token of a service is taken for one of a user.
    ///
    /// # Errors
    /// [`InvalidClientId`].
    pub fn parse(text: &str) -> Result<Self, InvalidClientId> {
        let is_allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        let is_valid = (3..=MAX_CLIENT_ID).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.bytes().all(is_allowed)
            && Uuid::try_parse(text).is_err();
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidClientId) }
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl ClientName {
    /// Parses a name. Characters that could rewrite the page that shows it are refused.
    ///
    /// # Errors
    /// [`InvalidClientName`].
    pub fn parse(text: &str) -> Result<Self, InvalidClientName> {
        let text = text.trim();
        let deceptive =
            |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if text.is_empty() || text.chars().count() > MAX_CLIENT_NAME || text.chars().any(deceptive) {
            return Err(InvalidClientName);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Gives an enum its registered names.
macro_rules! named {
    ($type:ident: $($variant:ident $name:literal,)*) => {
        impl $type {
            /// Returns the name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the value of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

named! { ClientKind: Web "web", Native "native", Service "service", }
named! { GrantType:
    AuthorizationCode "authorization_code",
    RefreshToken "refresh_token",
    ClientCredentials "client_credentials",
}
named! { AuthMethod:
    None "none",
    ClientSecretBasic "client_secret_basic",
    ClientSecretPost "client_secret_post",
}

impl SecretHash {
    /// Wraps the bytes of a hash.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes of the hash.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

impl NewClient {
    /// Makes the client. A confidential one has its first secret.
    ///
    /// # Errors
    /// [`InvalidClient`].
    pub fn create(
        self,
        secret: Option<ClientSecret>,
        context: EventContext,
    ) -> Result<(Client, Event), InvalidClient> {
        let now = context.occurred_at;
        let client = Client {
            id: self.id,
            version: 1,
            name: self.name,
            kind: self.kind,
            is_first_party: self.is_first_party,
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
            grant_types: self.grant_types,
            scope: self.scope,
            auth_method: self.auth_method,
            secrets: secret.into_iter().collect(),
            requires_pkce: self.requires_pkce,
            not_before: now,
            created_at: now,
            updated_at: now,
            deleted_at: None,
        };
        client.check()?;
        let event = client.event(EventKind::ClientCreated {}, context);
        Ok((client, event))
    }
}

impl Client {
    /// How many secrets a client has at most: the one in use, and its successor.
    pub const MAX_SECRETS: usize = 2;
    /// How many redirect URIs of each kind a client has at most.
    const MAX_REDIRECT_URIS: usize = 20;

    /// Returns whether the client can keep a secret, and therefore authenticates.
    #[must_use]
    pub fn is_confidential(&self) -> bool {
        self.auth_method != AuthMethod::None
    }

    /// Returns whether the client may get tokens this way.
    #[must_use]
    pub fn has_grant_type(&self, grant_type: GrantType) -> bool {
        self.deleted_at.is_none() && self.grant_types.contains(&grant_type)
    }

    /// Returns whether a code may be sent to this URI.
    #[must_use]
    pub fn permits_redirect(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.permits(uri, self.kind))
    }

    /// Returns whether a user may be sent to this URI after they have signed out.
    #[must_use]
    pub fn permits_redirect_after_logout(&self, uri: &str) -> bool {
        self.post_logout_redirect_uris.iter().any(|registered| registered.permits(uri, self.kind))
    }

    /// Changes the properties that `change` names. Returns `None` if nothing changes.
    ///
    /// # Errors
    /// [`InvalidClient`].
    pub fn update(
        &self,
        change: ClientChange,
        context: EventContext,
    ) -> Result<Option<Transition<Self>>, InvalidClient> {
        let mut after = self.clone();
        let mut changed = Vec::new();
        let mut note = |name: &str, is_changed: bool| {
            if is_changed {
                changed.push(name.to_owned());
            }
        };
        note("name", replace(&mut after.name, change.name));
        note("first_party", replace(&mut after.is_first_party, change.is_first_party));
        note("redirect_uris", replace(&mut after.redirect_uris, change.redirect_uris));
        note(
            "post_logout_redirect_uris",
            replace(&mut after.post_logout_redirect_uris, change.post_logout_redirect_uris),
        );
        note("grant_types", replace(&mut after.grant_types, change.grant_types));
        note("scope", replace(&mut after.scope, change.scope));
        note("require_pkce", replace(&mut after.requires_pkce, change.requires_pkce));
        after.check()?;
        changed.sort_unstable();
        Ok((!changed.is_empty()).then(|| self.change(after, EventKind::ClientUpdated { changed }, context)))
    }

    /// Adds a secret. Returns `None` if there are two already, or the client is public.
    #[must_use]
    pub fn add_secret(&self, secret: ClientSecret, context: EventContext) -> Option<Transition<Self>> {
        if self.secrets.len() >= Self::MAX_SECRETS || !self.is_confidential() {
            return None;
        }
        let mut after = self.clone();
        after.secrets.push(secret);
        Some(self.change(after, EventKind::ClientSecretAdded { secret_id: secret.id }, context))
    }

    /// Removes a secret. Returns `None` if the client does not have it, or has no other.
    #[must_use]
    pub fn remove_secret(&self, id: ClientSecretId, context: EventContext) -> Option<Transition<Self>> {
        let mut after = self.clone();
        after.secrets.retain(|secret| secret.id != id);
        if after.secrets.len() == self.secrets.len() || after.secrets.is_empty() {
            return None;
        }
        Some(self.change(after, EventKind::ClientSecretRemoved { secret_id: id }, context))
    }

    /// Ends every grant of the client.
    #[must_use]
    pub fn end_grants(&self, context: EventContext) -> Transition<Self> {
        let after = Self { not_before: context.occurred_at, ..self.clone() };
        self.change(after, EventKind::ClientGrantsEnded {}, context)
    }

    /// Deletes the client. A mark remains, so that its id is never given again.
    #[must_use]
    pub fn delete(&self, context: EventContext) -> Transition<Self> {
        let after = Self {
            deleted_at: Some(context.occurred_at),
            not_before: context.occurred_at,
            secrets: Vec::new(),
            ..self.clone()
        };
        self.change(after, EventKind::ClientDeleted {}, context)
    }

    fn change(&self, after: Self, kind: EventKind, context: EventContext) -> Transition<Self> {
        let after = Self { version: self.version + 1, updated_at: context.occurred_at, ..after };
        let event = after.event(kind, context);
        Transition { before: self.clone(), after, event }
    }

    fn event(&self, kind: EventKind, context: EventContext) -> Event {
        Event { stream: Stream::Client(self.id.clone()), sequence: self.version, context, kind }
    }

    fn check(&self) -> Result<(), InvalidClient> {
        let has = |grant_type| self.grant_types.contains(&grant_type);
        let is_service = self.kind == ClientKind::Service;
        let most = self.redirect_uris.len().max(self.post_logout_redirect_uris.len());
        if most > Self::MAX_REDIRECT_URIS {
            return Err(InvalidClient::TooManyRedirectUris);
        }
        if self.grant_types.is_empty() {
            return Err(InvalidClient::NoGrantType);
        }
        if has(GrantType::ClientCredentials) != is_service || is_service && self.grant_types.len() > 1 {
            return Err(InvalidClient::GrantTypeOfOtherKind);
        }
        if has(GrantType::RefreshToken) && !has(GrantType::AuthorizationCode) {
            return Err(InvalidClient::NothingToRefresh);
        }
        if has(GrantType::AuthorizationCode) && self.redirect_uris.is_empty() {
            return Err(InvalidClient::NoRedirectUri);
        }
        if is_service && !self.is_confidential() {
            return Err(InvalidClient::PublicService);
        }
        if !self.requires_pkce && !self.is_confidential() {
            return Err(InvalidClient::PublicWithoutPkce);
        }
        if self.scope.has(Scope::ACCOUNT) && !self.is_first_party {
            return Err(InvalidClient::AccountScope);
        }
        Ok(())
    }
}

/// Replaces a property if another value is given, and returns whether that changes it.
fn replace<T: PartialEq>(property: &mut T, value: Option<T>) -> bool {
    match value {
        Some(value) if value != *property => {
            *property = value;
            true
        }
        _ => false,
    }
}
