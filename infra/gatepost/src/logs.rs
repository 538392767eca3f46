//! `gatepost logs`: computes the hashes of an address or a source in the log.

use std::net::IpAddr;

use clap::{Args, Subcommand};
use cloud::Cloud;
use domain::{CanonicalEmail, Email, InvalidEmail};
use keys::Peppers;
use serde_json::json;
use tokens::{LogHash, LogKey};

use crate::{cli::ExitCode, error::CliError, report::Report, system::Target};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Logs {
    #[command(flatten)]
    target: Target,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: LogsCommand,
}

#[derive(Subcommand)]
enum LogsCommand {
    /// Compute the hashes of an address or a source in the log, one for each pepper
    Hash(Known),
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Known {
    /// The e-mail address, for `address_hash`
    #[arg(long, value_name = "EMAIL", value_parser = address)]
    address: Option<CanonicalEmail>,
    /// The IP address, for `source_hash`; an IPv6 address stands for its /64 network
    #[arg(long, value_name = "IP")]
    source: Option<IpAddr>,
}

fn address(text: &str) -> Result<CanonicalEmail, InvalidEmail> {
    Email::parse(text).map(|email| email.canonical().clone())
}

impl Logs {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let LogsCommand::Hash(known) = self.command;
        let cloud = self.target.open().await?.cloud("log-in")?;
        hash(&cloud, &known, &Report::new(self.json)).await
    }
}

impl Known {
    fn hash(&self, key: &LogKey) -> Result<LogHash, CliError> {
        match (&self.address, self.source) {
            (Some(email), _) => Ok(key.of_address(email)),
            (None, Some(ip)) => Ok(key.of_source(ip)),
            (None, None) => Err(CliError::NothingToHash),
        }
    }
}

async fn hash(cloud: &Cloud, known: &Known, report: &Report) -> Result<ExitCode, CliError> {
    let now = cloud.clock().now();
    let credentials = Peppers::new(cloud)?.read().await?;
    let current = credentials.pepper_seeds_at(now);
    let mut hashes = Vec::new();
    for (seed, from) in credentials.peppers() {
        let hash = known.hash(&LogKey::derive(seed.bytes()))?;
        let state = match seed.bytes() == current.current() {
            true => "current",
            false if from > now => "pending",
            false => "earlier",
        };
        let (hash, pepper) = (String::from(hash), hashing::pepper_id(seed));
        report.line(&format!("{hash}  {state:<7}  pepper {pepper}"));
        hashes.push(json!({"hash": hash, "state": state, "pepper": pepper, "from": from.to_string()}));
    }
    report.document(json!({"hashes": hashes}));
    Ok(ExitCode::Done)
}
