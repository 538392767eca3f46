//! Changes of clients.

use std::collections::BTreeSet;

use clap::{Args, ValueEnum};
use domain::{
    Actor, ClientSecretId, EventContext, Transition,
    oauth::{
        AuthMethod, Client, ClientChange, ClientId, ClientKind, ClientName, ClientSecret, GrantType,
        NewClient, RedirectUri, Scope,
    },
};
use store::{CommitError, retry_on_conflict};
use tokens::oauth::NewClientSecret;

use super::{Registry, shown};
use crate::{cli::ExitCode, error::CliError, report::Report};

#[derive(Args)]
pub(super) struct Create {
    /// The id: 3 to 64 lower-case letters, digits, `-`, `.` and `_`
    id: String,
    /// The name that users see [default: the id]
    #[arg(long)]
    name: Option<String>,
    /// The kind
    #[arg(long, value_enum, default_value = "web")]
    kind: Kind,
    /// Do not ask users for consent: the client is yours
    #[arg(long)]
    first_party: bool,
    /// Send codes to this URI; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Send users to this URI after they have signed out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// The scope that the client may request, tokens separated by a space
    #[arg(long, default_value = "openid profile email")]
    scope: String,
    /// The client authentication [default: none for native clients, else client_secret_basic]
    #[arg(long, value_enum)]
    authentication: Option<Authentication>,
    /// Accept requests without a code challenge: for old software with a secret
    #[arg(long)]
    no_pkce: bool,
    /// Only check and print the client
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
pub(super) struct Update {
    /// The id of the client
    id: String,
    /// The name that users see
    #[arg(long)]
    name: Option<String>,
    /// Whether users are not asked for consent
    #[arg(long, value_name = "BOOL")]
    first_party: Option<bool>,
    /// Replace the redirect URIs; may be repeated
    #[arg(long = "redirect-uri", value_name = "URI")]
    redirect_uris: Vec<String>,
    /// Replace the URIs after sign-out; may be repeated
    #[arg(long = "post-logout-redirect-uri", value_name = "URI")]
    post_logout_redirect_uris: Vec<String>,
    /// Replace the scope
    #[arg(long)]
    scope: Option<String>,
    /// Only check and print the client
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
pub(super) struct Named {
    /// The id of the client
    id: String,
}

#[derive(Args)]
pub(super) struct RemoveSecret {
    /// The id of the client
    id: String,
    /// The id of the secret
    secret_id: String,
}

#[derive(Args)]
pub(super) struct Confirmed {
    /// The id of the client
    id: String,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// An application on a server or in a browser
    Web,
    /// An application on a device
    Native,
    /// A service without users
    Service,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Authentication {
    None,
    ClientSecretBasic,
    ClientSecretPost,
}

impl Create {
    pub(super) async fn run(self, registry: &Registry, report: Report) -> Result<ExitCode, CliError> {
        let dry_run = self.dry_run;
        let (secret, stored) = registry.new_secret();
        let new = self.parse()?;
        let is_confidential = new.auth_method != AuthMethod::None;
        let (client, event) = new.create(is_confidential.then_some(stored), registry.context())?;
        let report = report.dry_run(dry_run);
        if dry_run {
            shown::print(&report, &client, None);
            return Ok(ExitCode::Done);
        }
        match registry.store.answering(None).add_client(&client, &event).await {
            Ok(()) => {}
            Err(CommitError::Conflict) => return Err(CliError::ClientIdTaken(client.id.to_string())),
            Err(error) => return Err(error.into()),
        }
        shown::print(&report, &client, is_confidential.then(|| secret.secret().expose()));
        Ok(ExitCode::Done)
    }

    fn parse(self) -> Result<NewClient, CliError> {
        let kind = match self.kind {
            Kind::Web => ClientKind::Web,
            Kind::Native => ClientKind::Native,
            Kind::Service => ClientKind::Service,
        };
        let auth_method = match self.authentication {
            Some(Authentication::None) => AuthMethod::None,
            Some(Authentication::ClientSecretPost) => AuthMethod::ClientSecretPost,
            None if kind == ClientKind::Native => AuthMethod::None,
            None | Some(Authentication::ClientSecretBasic) => AuthMethod::ClientSecretBasic,
        };
        let grant_types: BTreeSet<_> = match kind {
            ClientKind::Service => [GrantType::ClientCredentials].into(),
            ClientKind::Web | ClientKind::Native => {
                [GrantType::AuthorizationCode, GrantType::RefreshToken].into()
            }
        };
        Ok(NewClient {
            name: ClientName::parse(self.name.as_deref().unwrap_or(&self.id))?,
            id: ClientId::parse(&self.id)?,
            kind,
            is_first_party: self.first_party,
            redirect_uris: redirect_uris(&self.redirect_uris, kind)?,
            post_logout_redirect_uris: redirect_uris(&self.post_logout_redirect_uris, kind)?,
            grant_types,
            scope: Scope::parse(&self.scope)?,
            auth_method,
            requires_pkce: !self.no_pkce,
        })
    }
}

impl Update {
    pub(super) async fn run(self, registry: &Registry, report: Report) -> Result<ExitCode, CliError> {
        let report = report.dry_run(self.dry_run);
        let decide = |client: &Client, context| {
            let uris = |uris: &[String]| match uris {
                [] => Ok(None),
                uris => redirect_uris(uris, client.kind).map(Some),
            };
            let change = ClientChange {
                name: self.name.as_deref().map(ClientName::parse).transpose()?,
                is_first_party: self.first_party,
                redirect_uris: uris(&self.redirect_uris)?,
                post_logout_redirect_uris: uris(&self.post_logout_redirect_uris)?,
                scope: self.scope.as_deref().map(Scope::parse).transpose()?,
                ..ClientChange::default()
            };
            Ok(client.update(change, context)?)
        };
        if self.dry_run {
            let client = registry.client(&self.id).await?;
            let change = decide(&client, registry.context())?;
            shown::print(&report, change.as_ref().map_or(&client, |change| &change.after), None);
            return Ok(ExitCode::Done);
        }
        let client = registry.change(&self.id, decide).await?;
        shown::print(&report, &client, None);
        Ok(ExitCode::Done)
    }
}

impl Named {
    pub(super) async fn add_secret(self, registry: &Registry, report: &Report) -> Result<ExitCode, CliError> {
        let (secret, stored) = registry.new_secret();
        let decide = |client: &Client, context| {
            client
                .add_secret(stored, context)
                .map(Some)
                .ok_or_else(|| CliError::NoRoomForSecret(self.id.clone()))
        };
        let client = registry.change(&self.id, decide).await?;
        shown::print(report, &client, Some(secret.secret().expose()));
        Ok(ExitCode::Done)
    }
}

impl RemoveSecret {
    pub(super) async fn run(self, registry: &Registry, report: &Report) -> Result<ExitCode, CliError> {
        let unknown = || CliError::NoSecret(self.secret_id.clone());
        let secret: ClientSecretId = self.secret_id.parse().map_err(|_| unknown())?;
        let decide =
            |client: &Client, context| client.remove_secret(secret, context).map(Some).ok_or_else(unknown);
        let client = registry.change(&self.id, decide).await?;
        shown::print(report, &client, None);
        Ok(ExitCode::Done)
    }
}

impl Confirmed {
    pub(super) async fn end_grants(self, registry: &Registry, report: &Report) -> Result<ExitCode, CliError> {
        let question = format!("End every grant of {}? Its users must sign in again.", self.id);
        self.change(registry, report, &question, Client::end_grants).await
    }

    pub(super) async fn delete(self, registry: &Registry, report: &Report) -> Result<ExitCode, CliError> {
        let question = format!("Delete {}? Its id is never given again.", self.id);
        self.change(registry, report, &question, Client::delete).await
    }

    async fn change(
        &self,
        registry: &Registry,
        report: &Report,
        question: &str,
        decide: impl Fn(&Client, EventContext) -> Transition<Client>,
    ) -> Result<ExitCode, CliError> {
        registry.client(&self.id).await?;
        if !report.is_confirmed(self.yes, question)? {
            return Ok(ExitCode::Unconfirmed);
        }
        let client = registry.change(&self.id, |client, context| Ok(Some(decide(client, context)))).await?;
        shown::print(report, &client, None);
        Ok(ExitCode::Done)
    }
}

impl Registry {
    /// Changes a client as `decide` returns, and returns the client afterwards.
    async fn change(
        &self,
        id: &str,
        decide: impl Fn(&Client, EventContext) -> Result<Option<Transition<Client>>, CliError>,
    ) -> Result<Client, CliError> {
        let (context, decide) = (self.context(), &decide);
        retry_on_conflict(|_| {
            let context = context.clone();
            async move {
                let client = self.client(id).await?;
                let Some(change) = decide(&client, context)? else { return Ok(client) };
                self.store.answering(None).change_client(&change).await?;
                Ok(change.after)
            }
        })
        .await
    }

    fn new_secret(&self) -> (NewClientSecret, ClientSecret) {
        let (random, now) = (self.cloud.random(), self.cloud.clock().now());
        let secret = NewClientSecret::new(random.bytes());
        let stored = ClientSecret { id: random.id(now), hash: secret.hash(), created_at: now };
        (secret, stored)
    }

    fn context(&self) -> EventContext {
        let (random, now) = (self.cloud.random(), self.cloud.clock().now());
        EventContext {
            event_id: random.id(now),
            occurred_at: now,
            actor: Actor::Operator,
            correlation_id: random.uuid().to_string(),
            traceparent: None,
        }
    }
}

fn redirect_uris(uris: &[String], kind: ClientKind) -> Result<Vec<RedirectUri>, CliError> {
    let parse = |uri: &String| {
        RedirectUri::parse(uri, kind).map_err(|error| CliError::RedirectUri(uri.clone(), error))
    };
    uris.iter().map(parse).collect()
}
