//! OAuth clients.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{
    ClientSecretId, Event, Timestamp, Transition,
    oauth::{
        AuthMethod, Client, ClientId, ClientKind, ClientName, ClientSecret, GrantType, RedirectUri, Scope,
        SecretHash,
    },
};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, InvalidItem, StoreError,
    dynamodb::{
        attributes::{self, Attributes, number, values},
        item::{self, Item},
        value::{AsText, Millis, Octets, Text, Yes},
    },
    transaction::write::Write,
};

const PK: &str = "CLIENTS";
/// How long a function takes a client for what it was when it read it.
const KEPT: Duration = Duration::from_mins(1);

/// The clients as they were a moment ago. A deletion or a new secret shows within a minute.
pub struct RecentClients {
    identities: Identities,
    kept: RwLock<HashMap<ClientId, (Timestamp, Arc<Client>)>>,
}

impl RecentClients {
    /// How many clients are kept. When there are more, all are read again.
    const CAPACITY: usize = 1000;

    /// Reads the clients of this table.
    #[must_use]
    pub fn new(identities: &Identities) -> Self {
        Self { identities: identities.clone(), kept: RwLock::default() }
    }

    /// Returns a client as it was a minute ago at most; `None` if there is none.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn recent(&self, id: &ClientId, now: Timestamp) -> Result<Option<Arc<Client>>, StoreError> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        if let Some((_, client)) = kept.filter(|(read_at, _)| now.since(*read_at) < KEPT) {
            return Ok(Some(client));
        }
        self.newest(id, now).await
    }

    /// Returns a client as it is now; `None` if there is none.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn newest(&self, id: &ClientId, now: Timestamp) -> Result<Option<Arc<Client>>, StoreError> {
        let client = self.identities.oauth_client(id).await?.map(Arc::new);
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= Self::CAPACITY {
            kept.clear();
        }
        match &client {
            Some(client) => drop(kept.insert(id.clone(), (now, Arc::clone(client)))),
            None => drop(kept.remove(id)),
        }
        Ok(client)
    }
}

impl Identities {
    /// Returns a client, or the mark of one that was deleted.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn oauth_client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let item = self.find::<ClientItem>(key(id)).await?;
        Ok(item.map(ClientItem::client).transpose()?)
    }

    /// Returns every client that was not deleted, by id.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn oauth_clients(&self) -> Result<Vec<Client>, StoreError> {
        let items = self.query(PK).await?.into_iter();
        let clients = items.map(|item| ClientItem::read(item)?.client());
        let clients = clients.collect::<Result<Vec<_>, InvalidItem>>()?;
        Ok(clients.into_iter().filter(|client| client.deleted_at.is_none()).collect())
    }
}

impl Commands<'_> {
    /// Adds a client.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if there is, or was, a client of this id.
    pub async fn add_client(&self, client: &Client, event: &Event) -> Result<(), CommitError> {
        let put = Write::put(client_item(client)).only_if("attribute_not_exists(pk)");
        self.commit([put], event).await.map_err(CommitError::conflict)
    }

    /// Replaces a client.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn change_client(&self, change: &Transition<Client>) -> Result<(), CommitError> {
        let put = Write::put(client_item(&change.after))
            .only_if("version = :before")
            .with(values([(":before", number(change.before.version))]));
        self.commit([put], &change.event).await.map_err(CommitError::conflict)
    }
}

fn key(id: &ClientId) -> Attributes {
    attributes::key(PK, id.as_str())
}

fn client_item(client: &Client) -> Attributes {
    item::write(key(&client.id), &ClientItem::from(client))
}

/// A client, or the mark of one that was deleted.
#[derive(Serialize, Deserialize)]
pub(crate) struct ClientItem {
    #[serde(rename = "sk")]
    id: Text<ClientId>,
    version: u64,
    name: Text<ClientName>,
    kind: Text<ClientKind>,
    first_party: Option<Yes>,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    grant_types: Vec<Text<GrantType>>,
    scope: Scope,
    auth_method: Text<AuthMethod>,
    secrets: Vec<SecretItem>,
    /// Left out for the clients that need a code challenge: all but a few.
    no_pkce: Option<Yes>,
    not_before: Millis,
    created_at: Millis,
    updated_at: Millis,
    deleted_at: Option<Millis>,
}

/// A secret of a client: its hash.
#[derive(Serialize, Deserialize)]
struct SecretItem {
    id: Text<ClientSecretId>,
    hash: Octets<[u8; 32]>,
    created_at: Millis,
}

impl From<&Client> for ClientItem {
    fn from(client: &Client) -> Self {
        let uris = |uris: &[RedirectUri]| uris.iter().map(|uri| uri.as_str().to_owned()).collect();
        let secret = |secret: &ClientSecret| SecretItem {
            id: Text(secret.id),
            hash: Octets(*secret.hash.bytes()),
            created_at: Millis(secret.created_at),
        };
        Self {
            id: Text(client.id.clone()),
            version: client.version,
            name: Text(client.name.clone()),
            kind: Text(client.kind),
            first_party: Yes::when(client.is_first_party),
            redirect_uris: uris(&client.redirect_uris),
            post_logout_redirect_uris: uris(&client.post_logout_redirect_uris),
            grant_types: client.grant_types.iter().copied().map(Text).collect(),
            scope: client.scope.clone(),
            auth_method: Text(client.auth_method),
            secrets: client.secrets.iter().map(secret).collect(),
            no_pkce: Yes::when(!client.requires_pkce),
            not_before: Millis(client.not_before),
            created_at: Millis(client.created_at),
            updated_at: Millis(client.updated_at),
            deleted_at: client.deleted_at.map(Millis),
        }
    }
}

impl ClientItem {
    pub(crate) fn client(self) -> Result<Client, InvalidItem> {
        let kind = self.kind.into();
        let uris = |uris: Vec<String>, name: &str| {
            let uris = uris.iter().map(|uri| RedirectUri::parse(uri, kind));
            uris.collect::<Result<Vec<_>, _>>().map_err(|_| Self::malformed(name))
        };
        let secret = |item: SecretItem| ClientSecret {
            id: item.id.into(),
            hash: SecretHash::from_bytes(item.hash.0),
            created_at: item.created_at.moment(),
        };
        Ok(Client {
            id: self.id.into(),
            version: self.version,
            name: self.name.into(),
            kind,
            is_first_party: self.first_party.is_some(),
            redirect_uris: uris(self.redirect_uris, "redirect_uris")?,
            post_logout_redirect_uris: uris(self.post_logout_redirect_uris, "post_logout_redirect_uris")?,
            grant_types: self.grant_types.into_iter().map(Text::into).collect(),
            scope: self.scope,
            auth_method: self.auth_method.into(),
            secrets: self.secrets.into_iter().map(secret).collect(),
            requires_pkce: self.no_pkce.is_none(),
            not_before: self.not_before.moment(),
            created_at: self.created_at.moment(),
            updated_at: self.updated_at.moment(),
            deleted_at: self.deleted_at.map(Millis::moment),
        })
    }
}

/// Stores enums by their registered names.
macro_rules! by_name {
    ($($type:ident,)*) => {
        $(impl AsText for $type {
            fn text(&self) -> String {
                self.name().to_owned()
            }

            fn parse(text: &str) -> Option<Self> {
                Self::named(text)
            }
        })*
    };
}

by_name! { AuthMethod, ClientKind, GrantType, }
