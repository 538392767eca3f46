//! `gatepost mail suppressions`: addresses that get no mail after a bounce or a complaint.

use clap::{Args, Subcommand};
use domain::{CanonicalEmail, Email};
use serde_json::{Value, json};
use store::{AddressHash, Identities, Suppression};

use crate::{
    cli::ExitCode,
    error::CliError,
    outbox::deployment::{Deployment, DeploymentOptions},
    report::{Progress, Report},
};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Suppressions {
    #[command(flatten)]
    deployment: DeploymentOptions,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: SuppressionsCommand,
}

#[derive(Subcommand)]
enum SuppressionsCommand {
    /// List the hashes of suppressed addresses; reads the whole table
    List,
    /// Check whether an address gets mail
    Check {
        /// The e-mail address
        address: String,
    },
    /// Remove the suppression of an address
    Remove {
        /// The e-mail address
        address: String,
    },
}

impl Suppressions {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let deployment = Deployment::open(&self.deployment).await?;
        let (identities, report) = (deployment.identities()?, Report::new(self.json));
        match self.command {
            SuppressionsCommand::List => list(&identities, &report).await,
            SuppressionsCommand::Check { address } => check(&identities, &report, &parse(&address)?).await,
            SuppressionsCommand::Remove { address } => remove(&identities, &report, &parse(&address)?).await,
        }
    }
}

fn parse(address: &str) -> Result<CanonicalEmail, CliError> {
    let email = Email::parse(address).map_err(|_| CliError::NoAddress(address.to_owned()))?;
    Ok(email.canonical().clone())
}

async fn list(identities: &Identities, report: &Report) -> Result<ExitCode, CliError> {
    let (mut found, mut start) = (Vec::new(), None);
    let progress = Progress::of("addresses");
    loop {
        let page = identities.suppressions(start).await?;
        progress.add(page.items.len());
        found.extend(page.items);
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    drop(progress);
    for suppression in &found {
        report.line(&line(suppression));
    }
    report.line(&format!("{} addresses are suppressed", found.len()));
    report.document(json!({"suppressions": found.iter().map(shown).collect::<Vec<_>>()}));
    Ok(ExitCode::Done)
}

async fn check(
    identities: &Identities,
    report: &Report,
    address: &CanonicalEmail,
) -> Result<ExitCode, CliError> {
    let found = identities.suppressed(address).await?;
    report.line(&found.as_ref().map_or_else(|| "the address gets mail".to_owned(), line));
    report.document(json!({"suppression": found.as_ref().map(shown)}));
    Ok(if found.is_some() { ExitCode::Findings } else { ExitCode::Done })
}

async fn remove(
    identities: &Identities,
    report: &Report,
    address: &CanonicalEmail,
) -> Result<ExitCode, CliError> {
    let was_there = identities.unsuppress(&AddressHash::of(address)).await?;
    report.line(if was_there { "the address gets mail again" } else { "the address was not suppressed" });
    report.document(json!({"removed": was_there}));
    Ok(if was_there { ExitCode::Done } else { ExitCode::Findings })
}

fn line(suppression: &Suppression) -> String {
    let Suppression { address, reason, since } = suppression;
    format!("{}  {:<9}  since {since}", address.as_str(), reason.name())
}

fn shown(suppression: &Suppression) -> Value {
    let Suppression { address, reason, since } = suppression;
    json!({"address_sha256": address.as_str(), "reason": reason.name(), "since": since.to_string()})
}
