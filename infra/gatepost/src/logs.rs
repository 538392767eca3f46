//! `gatepost logs`: finds what the log says of an address or a source.

use std::{io, net::IpAddr, process::ExitCode};

use clap::{ArgGroup, ArgMatches, Command, value_parser};
use domain::{CanonicalEmail, Email};
use keys::{NotChanged, Peppers};
use serde_json::json;
use thiserror::Error;
use tokens::LogKey;
use tokio::runtime;

use crate::{
    outbox::Ended,
    report::{Report, group},
    system::{self, System, SystemError, value},
};

/// Why no hash was computed, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum LogsError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Secret(#[from] NotChanged),
    #[error("{0}")]
    Runtime(#[from] io::Error),
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 could not be done (one sentence says why), 2 wrong usage.";

pub(crate) fn command() -> Command {
    let hash = Command::new("hash")
        .about("Compute the hashes that stand for an address or a source in the log, one for each pepper")
        .arg(
            value("address", "EMAIL", "The e-mail address, for `address_hash`")
                .value_parser(|text: &str| Email::parse(text).map(|email| email.canonical().clone())),
        )
        .arg(
            value("source", "IP", "The IP address, for `source_hash`; of IPv6 its /64 network counts")
                .value_parser(value_parser!(IpAddr)),
        )
        .group(ArgGroup::new("known").args(["address", "source"]).required(true))
        .args(system::arguments());
    group("logs", "Find what the log says of an address or a source", EXIT_CODES, [hash])
        .after_help(EXIT_CODES)
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, LogsError> {
    let Some((_, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(hash(arguments))?;
    Ok(ExitCode::from(Ended::Well as u8))
}

async fn hash(arguments: &ArgMatches) -> Result<(), LogsError> {
    let cloud = System::open(arguments, |setup| setup).await?.cloud("log-in")?;
    let (now, report) = (cloud.clock().now(), Report::new(arguments));
    let credentials = Peppers::new(&cloud)?.read().await?;
    let current = credentials.pepper_seeds_at(now);
    let mut hashes = Vec::new();
    for (seed, from) in credentials.peppers() {
        let key = LogKey::derive(seed.bytes());
        let hash = match arguments.get_one::<CanonicalEmail>("address") {
            Some(email) => key.of_address(email),
            // The group has one of the two.
            None => match arguments.get_one::<IpAddr>("source") {
                Some(ip) => key.of_source(*ip),
                None => continue,
            },
        };
        let state = match seed.bytes() == current.current() {
            true => "current",
            false if from > now => "pending",
            false => "earlier",
        };
        let (hash, pepper) = (String::from(hash), credentials::pepper_id(seed));
        report.line(&format!("{hash}  {state:<7}  pepper {pepper}"));
        hashes.push(json!({"hash": hash, "state": state, "pepper": pepper, "from": from.to_string()}));
    }
    report.document(json!({"hashes": hashes}));
    Ok(())
}
