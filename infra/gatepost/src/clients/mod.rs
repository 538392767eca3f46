//! `gatepost clients`: the applications that users sign in to.

mod change;
mod shown;

use clap::{Args, Subcommand};
use domain::oauth::{Client, ClientId};
use serde_json::json;
use store::Store;

use crate::{
    cli::ExitCode,
    error::CliError,
    report::Report,
    system::{System, Target},
};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Clients {
    #[command(flatten)]
    target: Target,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: ClientsCommand,
}

#[derive(Subcommand)]
enum ClientsCommand {
    /// List the clients
    List,
    /// Show a client
    Show {
        /// The id of the client
        id: String,
    },
    /// Create a client, and print its secret once
    Create(change::Create),
    /// Change the properties that are passed, and keep the others
    Update(change::Update),
    /// Add a secret, and print it once; the secret before stays valid
    AddSecret(change::Named),
    /// Remove a secret
    RemoveSecret(change::RemoveSecret),
    /// End every grant of a client
    EndGrants(change::Confirmed),
    /// Delete a client and end its grants; its id is never given again
    Delete(change::Confirmed),
}

impl Clients {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let (system, report) = (self.target.open().await?, Report::new(self.json));
        let clients = Registry::open(&system)?;
        match self.command {
            ClientsCommand::List => clients.list(&report).await,
            ClientsCommand::Show { id } => {
                let client = clients.client(&id).await?;
                shown::print(&report, &client, None);
                Ok(ExitCode::Done)
            }
            ClientsCommand::Create(create) => create.run(&clients, report).await,
            ClientsCommand::Update(update) => update.run(&clients, report).await,
            ClientsCommand::AddSecret(named) => named.add_secret(&clients, &report).await,
            ClientsCommand::RemoveSecret(remove) => remove.run(&clients, &report).await,
            ClientsCommand::EndGrants(confirmed) => confirmed.end_grants(&clients, &report).await,
            ClientsCommand::Delete(confirmed) => confirmed.delete(&clients, &report).await,
        }
    }
}

/// The clients of a system.
struct Registry {
    cloud: cloud::Cloud,
    store: Store,
}

impl Registry {
    fn open(system: &System) -> Result<Self, CliError> {
        // Any function that commits events has the settings.
        let cloud = system.cloud("grant-role")?.patient();
        Ok(Self { store: Store::new(&cloud)?, cloud })
    }

    async fn client(&self, id: &str) -> Result<Client, CliError> {
        let unknown = || CliError::NoClient(id.to_owned());
        let parsed = ClientId::parse(id).map_err(|_| unknown())?;
        let client = self.store.identities().oauth_client(&parsed).await?;
        client.filter(|client| client.deleted_at.is_none()).ok_or_else(unknown)
    }

    async fn list(&self, report: &Report) -> Result<ExitCode, CliError> {
        let clients = self.store.identities().oauth_clients().await?;
        for client in &clients {
            report.line(&format!("{:<24}  {:<8}  {}", client.id, client.kind.name(), client.name.as_str()));
        }
        if clients.is_empty() {
            report.line("no clients");
        }
        report.document(json!({"clients": clients.iter().map(shown::json).collect::<Vec<_>>()}));
        Ok(ExitCode::Done)
    }
}
