//! `gatepost keys`: looks after the keys that tokens are signed and sealed with, and the peppers of passwords.

use std::{io, process::ExitCode};

use clap::{
    Arg, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
};
use cloud::Clock;
use domain::{KeyState, Ring, SigningAlgorithm};
use keys::{Keyring, NotChanged, Peppers, Separated, Separation};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::runtime;

use crate::{
    outbox::Ended,
    report::{Report, group, moment},
    system::{self, System, SystemError, flag},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum KeysError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Keys(#[from] NotChanged),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why; say it again, and it goes on from there), 2 wrong \
usage, 4 nothing was done since nobody said yes.";

/// In the place of the parameter `TokenAlgorithm`.
const ALGORITHM: &str = "token-algorithm";

pub(crate) fn command() -> Command {
    let algorithms = PossibleValuesParser::new(SigningAlgorithm::ALL.map(SigningAlgorithm::name));
    let algorithm = Arg::new(ALGORITHM)
        .long(ALGORITHM)
        .value_name("NAME")
        .value_parser(algorithms.try_map(|name| name.parse::<SigningAlgorithm>()))
        .help("Signing algorithm of the new key [default: TokenAlgorithm; ES256 in a data folder]");
    let kid = Arg::new("kid").value_name("KID").required(true).help("The key's id, as `list` shows it");
    // One in 64 begins with it.
    let kid = kid.allow_hyphen_values(true);
    let subcommands = [
        Command::new("list")
            .about("List the keys: their state, from when they sign and until when they verify"),
        Command::new("rotate")
            .about("Add a key that signs in an hour, or complete a rotation that has begun")
            .arg(algorithm.clone())
            .arg(flag("pepper", "Add another pepper for new hashes instead")),
        Command::new("retire")
            .about("Give up a retired key early; the sessions that still use it end")
            .arg(kid)
            .arg(flag("yes", "Do not ask for confirmation")),
        Command::new("revoke-all")
            .about("Revoke every key after a theft: within five minutes no token is valid, and every session ends")
            .arg(algorithm)
            .arg(flag("yes", "Do not ask for confirmation")),
        Command::new("separate")
            .about("Move the peppers of an older deployment into the credentials secret; run it again after the update")
            .arg(flag("dry-run", "Show what would be done")),
    ];
    let subcommands = subcommands.map(|command| command.args(system::arguments()));
    group("keys", "Manage the keys that tokens are signed and sealed with", EXIT_CODES, subcommands)
        .after_help(EXIT_CODES)
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, KeysError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let system = System::open(arguments, |setup| setup).await?;
        let (cloud, report) = (system.cloud("rotate-keys")?, Report::new(arguments));
        if name == "separate" {
            return separate(&system, &report).await;
        }
        let (keyring, peppers) = (Keyring::new(&cloud)?, Peppers::new(&system.cloud("log-in")?)?);
        let keyring = match arguments.try_get_one(ALGORITHM) {
            Ok(Some(algorithm)) => keyring.signing_by(*algorithm),
            _ => keyring,
        };
        let ring = match name {
            "list" => keyring.read().await?,
            "rotate" if arguments.get_flag("pepper") => {
                peppers.add().await?;
                keyring.read().await?
            }
            "rotate" => keyring.rotate().await?,
            "retire"
                if !report.is_confirmed("Sessions that were not refreshed since then end. Go on?")? =>
            {
                return Ok(Ended::Unconfirmed);
            }
            "retire" => {
                let kid = arguments.get_one::<String>("kid").map(String::as_str).unwrap_or_default();
                keyring.retire(kid).await?
            }
            _ if !report.is_confirmed("Everybody must sign in again. Go on?")? => {
                return Ok(Ended::Unconfirmed);
            }
            _ => {
                // Both secrets may be known to the thief.
                peppers.add().await?;
                keyring.revoke_all().await?
            }
        };
        show(&ring, &peppers.read().await?, &report, &cloud.clock())?;
        Ok::<_, KeysError>(Ended::Well)
    })?;
    Ok(ExitCode::from(ended as u8))
}

async fn separate(system: &System, report: &Report) -> Result<Ended, KeysError> {
    let separated = match system {
        // A data folder is separated whenever it is opened.
        System::Folder(_) => Separated { copied: 0, removed: 0, is_shared: false },
        System::Deployed(cloud) => Separation::new(cloud)?.run(report.dry_run).await?,
    };
    let Separated { copied, removed, is_shared } = separated;
    if copied > 0 {
        report
            .line(&format!("{} {copied} peppers into the credentials secret", report.did("copied", "copy")));
    }
    if removed > 0 {
        report.line(&format!("{} {removed} peppers from the keys secret", report.did("removed", "remove")));
    }
    report.line(match (is_shared, copied + removed) {
        (true, _) => {
            "next: update the stack with CredentialsFrom=CredentialsSecret, then run this command again"
        }
        (false, 0) => "nothing to do: the secrets are separate",
        (false, _) => "done: the secrets are separate",
    });
    report.document(json!({"copied": copied, "removed": removed, "shared": is_shared}));
    Ok(Ended::Well)
}

fn show(ring: &Ring, credentials: &Ring, report: &Report, clock: &Clock) -> Result<(), KeysError> {
    let (now, mut keys, mut peppers) = (clock.now(), Vec::new(), Vec::new());
    for (key, state) in ring.keys_at(now) {
        let kid = tokens::public_key(key.material(), now).map_err(NotChanged::from)?.kid;
        let algorithm = key.material().algorithm().name();
        let until = key.until().map_or_else(String::new, |until| format!("  until {until}"));
        let from = match key.from() {
            Some(from) if from.millis() > 0 => format!("  from {from}"),
            _ => String::new(),
        };
        report.line(&format!("{kid}  {algorithm:<5}  {:<8}{from}{until}", state.name()));
        keys.push(json!({
            "kid": kid,
            "algorithm": algorithm,
            "state": state.name(),
            "from": moment(key.from()),
            "until": moment(key.until()),
        }));
    }
    for (seed, from) in credentials.peppers() {
        let id = credentials::pepper_id(seed);
        let state = if from > now { KeyState::Pending.name() } else { "good" };
        report.line(&format!("pepper {id}  {state}"));
        peppers.push(json!({"id": id, "from": from.to_string()}));
    }
    report.document(json!({"keys": Value::Array(keys), "peppers": peppers}));
    Ok(())
}
