//! `gatepost mail suppressions`: addresses that get no mail, since one bounced or was called unwanted.

use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command};
use domain::{CanonicalEmail, Email};
use serde_json::{Value, json};
use store::{AddressHash, Identities, Suppression};
use tokio::runtime;

use super::MailError;
use crate::{
    outbox::{
        Ended,
        deployment::{self, Deployment},
    },
    report::{Progress, Report, group},
};

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why), 2 wrong usage, 3 the address gets no mail (check), or \
did get mail already (remove).";

pub(crate) fn command() -> Command {
    let address = || Arg::new("address").value_name("ADDRESS").required(true).help("The e-mail address");
    let subcommands = [
        Command::new("list").about("List the hashes of addresses that get no mail; reads the whole table"),
        Command::new("check").about("Say whether an address gets mail").arg(address()),
        Command::new("remove").about("Let an address get mail again").arg(address()),
    ];
    let subcommands = subcommands.map(|command| command.args(deployment::arguments()));
    group("suppressions", "Manage addresses that get no mail", EXIT_CODES, subcommands)
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, MailError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let deployment = Deployment::open(arguments).await?;
        let (identities, report) = (deployment.identities()?, Report::new(arguments));
        match name {
            "list" => list(&identities, &report).await,
            "check" => check(&identities, &report, &address(arguments)?).await,
            _ => remove(&identities, &report, &address(arguments)?).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

fn address(arguments: &ArgMatches) -> Result<CanonicalEmail, MailError> {
    let text = arguments.get_one::<String>("address").map(String::as_str).unwrap_or_default();
    let email = Email::parse(text).map_err(|_| MailError::NoAddress(text.to_owned()))?;
    Ok(email.canonical().clone())
}

async fn list(identities: &Identities, report: &Report) -> Result<Ended, MailError> {
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
    report.line(&format!("{} addresses get no mail", found.len()));
    report.document(json!({"suppressions": found.iter().map(shown).collect::<Vec<_>>()}));
    Ok(Ended::Well)
}

async fn check(
    identities: &Identities,
    report: &Report,
    address: &CanonicalEmail,
) -> Result<Ended, MailError> {
    let found = identities.suppressed(address).await?;
    report.line(&found.as_ref().map_or_else(|| "it gets mail".to_owned(), line));
    report.document(json!({"suppression": found.as_ref().map(shown)}));
    Ok(if found.is_some() { Ended::WithFindings } else { Ended::Well })
}

async fn remove(
    identities: &Identities,
    report: &Report,
    address: &CanonicalEmail,
) -> Result<Ended, MailError> {
    let was_there = identities.unsuppress(&AddressHash::of(address)).await?;
    report.line(if was_there { "it gets mail again" } else { "it did get mail already" });
    report.document(json!({"removed": was_there}));
    Ok(if was_there { Ended::Well } else { Ended::WithFindings })
}

fn line(suppression: &Suppression) -> String {
    let Suppression { address, reason, since } = suppression;
    format!("{}  {:<9}  since {since}", address.as_str(), reason.name())
}

fn shown(suppression: &Suppression) -> Value {
    let Suppression { address, reason, since } = suppression;
    json!({"address_sha256": address.as_str(), "reason": reason.name(), "since": since.to_string()})
}
