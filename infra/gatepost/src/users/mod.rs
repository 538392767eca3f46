//! `gatepost users`: users move in from other systems, and out of this one; the first administrator is made.

mod count;
mod export;
mod formats;
mod grant_admin;
mod import;
mod record;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command};
use thiserror::Error;
use tokio::runtime;

use crate::{
    outbox::Ended,
    report::{Report, group},
    system::{self, NoSystem, System, value},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum UsersError {
    #[error(transparent)]
    System(#[from] NoSystem),
    #[error("{0}: see `gatepost users --help` for what --deployed needs")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::Failure),
    #[error("{}", cloud::chain(.0))]
    Secret(#[from] cloud::SecretUnavailable),
    #[error(transparent)]
    Hash(#[from] credentials::HashFailed),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("{0} is there already: name another file, or say --resume to go on with it")]
    Exists(PathBuf),
    #[error("{0} is no beginning of an export that can be gone on with: export into a new file")]
    NotResumable(PathBuf),
    #[error("{0} does not hold hash parameters as Firebase's console shows them")]
    HashParameters(PathBuf),
    #[error("the file holds Firebase's hashes: say --hash-parameters")]
    NoHashParameters,
    #[error(
        "the file is nothing that is known: it must hold JSON, one JSON object a line, or CSV with a header"
    )]
    UnknownShape,
    #[error("{bad} of {all} users cannot be taken over as they are: nothing was written")]
    Bad { bad: usize, all: usize },
    #[error(
        "password hashes in the file were made with the secret of another system: add the seeds of its \
         peppers to this one's secret first; nothing was written"
    )]
    OtherSecret,
    #[error("the user {0} cannot be read: see `gatepost outbox verify`")]
    Unreadable(String),
    #[error("that is no e-mail address")]
    NoAddress,
    #[error("nobody has this address: they must register first")]
    NobodyThere,
    #[error("the user is suspended, or is to be erased")]
    NotActive,
    #[error(transparent)]
    Roles(#[from] domain::TooManyRoles),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why), 2 wrong usage, 3 done, but some users were refused.";

const DEPLOYED: &str = "\
With --deployed, credentials and region come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and \
AWS_REGION, and what is not given as an option from EVENTS_TABLE, IDENTITIES_TABLE, ISSUER, EVENT_DETAIL, EVENT_EPOCH, \
KEYS_SECRET, ARGON2_MEMORY_KIB, ARGON2_ITERATIONS and COUNTS_TABLE. The deployed stack's output OperatorSettings has the \
latter nine.";

/// Options that stand for settings of the functions.
const SETTINGS: [(&str, &str); 2] =
    [("events-table", "EVENTS_TABLE"), ("identities-table", "IDENTITIES_TABLE")];

pub(crate) fn command() -> Command {
    let subcommands = [import::command(), export::command(), grant_admin::command(), count::command()];
    let subcommands = subcommands.map(|command| command.args(system::arguments()));
    group("users", "Takes users over from another system, passwords included, hands all of them out, makes administrators, counts them", EXIT_CODES, subcommands).after_help(format!("{DEPLOYED}\n\n{EXIT_CODES}"))
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, UsersError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended: Ended = runtime.block_on(async {
        let system = System::open(arguments, &SETTINGS, |setup| setup)?;
        let report = Report::new(arguments);
        match name {
            "count" => count::run(&system, &report, arguments).await,
            "import" => import::run(&system, &report, arguments).await,
            "grant-admin" => grant_admin::run(&system, &report, arguments).await,
            _ => export::run(&system, &report, arguments).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

fn file(help: &'static str) -> Arg {
    value("file", "FILE", help).long(None).required(true).value_parser(clap::value_parser!(PathBuf))
}
