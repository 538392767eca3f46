//! `gatepost keys`: looks after the ring of keys that tokens are signed and sealed with.

use std::{io, process::ExitCode};

use clap::{
    Arg, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser},
};
use cloud::Clock;
use domain::{KeyState, Ring, SigningAlgorithm};
use keys::{Keyring, NotChanged};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::runtime;

use crate::{
    outbox::Ended,
    report::{Report, group, moment},
    system::{self, NoSystem, System, flag},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum KeysError {
    #[error(transparent)]
    System(#[from] NoSystem),
    #[error("{0}: see `gatepost keys --help` for what --deployed needs")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Keys(#[from] NotChanged),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why; say it again, and it goes on from there), 2 wrong \
usage, 4 nothing was done since nobody said yes.";

const DEPLOYED: &str = "\
With --deployed, credentials and region come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and \
AWS_REGION, and what is not given as an option from IDENTITIES_TABLE, KEYS_SECRET, TOKEN_ALGORITHM, \
ACCESS_TOKEN_SECONDS and SESSION_IDLE_SECONDS. The deployed stack's output OperatorSettings has the latter five.";

/// Options that stand for settings of the functions.
const SETTINGS: [(&str, &str); 1] = [("identities-table", "IDENTITIES_TABLE")];

/// In the place of the parameter `TokenAlgorithm`.
const ALGORITHM: &str = "token-algorithm";

pub(crate) fn command() -> Command {
    let algorithms = PossibleValuesParser::new(SigningAlgorithm::ALL.map(SigningAlgorithm::name));
    let algorithm = Arg::new(ALGORITHM)
        .long(ALGORITHM)
        .value_name("NAME")
        .value_parser(algorithms.try_map(|name| name.parse::<SigningAlgorithm>()))
        .help("By what the new key signs; without it as the system is set, a data folder by ES256");
    let kid = Arg::new("kid").value_name("KID").required(true).help("The key's id, as `list` shows it");
    // One in 64 begins with it.
    let kid = kid.allow_hyphen_values(true);
    let subcommands = [
        Command::new("list")
            .about("Shows each key: what it is for, from when it signs, until when it verifies"),
        Command::new("rotate")
            .about("Adds a key that signs in an hour; completes a rotation that somebody has begun")
            .arg(algorithm.clone())
            .arg(flag("pepper", "Adds another pepper instead, for new hashes")),
        Command::new("retire")
            .about("Gives up a retired key before its time: the sessions that still use it end")
            .arg(kid)
            .arg(flag("yes", "Does not ask before")),
        Command::new("revoke-all")
            .about("After a theft: every key is worth nothing within five minutes, and every session ends")
            .arg(algorithm)
            .arg(flag("yes", "Does not ask before")),
    ];
    let subcommands = subcommands.map(|command| command.args(system::arguments()));
    group("keys", "Looks after the keys that tokens are signed and sealed with", EXIT_CODES, subcommands)
        .after_help(format!("{DEPLOYED}\n\n{EXIT_CODES}"))
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, KeysError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let system = System::open(arguments, &SETTINGS, |setup| setup)?;
        let (cloud, report) = (system.cloud("rotate-keys")?, Report::new(arguments));
        let keyring = Keyring::new(&cloud)?;
        let keyring = match arguments.try_get_one(ALGORITHM) {
            Ok(Some(algorithm)) => keyring.signing_by(*algorithm),
            _ => keyring,
        };
        let ring = match name {
            "list" => keyring.read().await?,
            "rotate" if arguments.get_flag("pepper") => keyring.add_pepper().await?,
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
            _ => keyring.revoke_all().await?,
        };
        show(&ring, &report, &cloud.clock())?;
        Ok::<_, KeysError>(Ended::Well)
    })?;
    Ok(ExitCode::from(ended as u8))
}

fn show(ring: &Ring, report: &Report, clock: &Clock) -> Result<(), KeysError> {
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
    for (seed, from) in ring.peppers() {
        let id = credentials::pepper_id(seed);
        let state = if from > now { KeyState::Pending.name() } else { "good" };
        report.line(&format!("pepper {id}  {state}"));
        peppers.push(json!({"id": id, "from": from.to_string()}));
    }
    report.document(json!({"keys": Value::Array(keys), "peppers": peppers}));
    Ok(())
}
