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

use self::formats::{Format, Place};
use crate::{
    outbox::Ended,
    report::{Report, group},
    system::{self, System, SystemError, value},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum UsersError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::StoreError),
    #[error("{}", cloud::chain(.0))]
    Commit(#[from] store::CommitError<store::LastAdministrator>),
    #[error("{}", cloud::chain(.0))]
    Secret(#[from] cloud::SecretUnavailable),
    #[error(transparent)]
    Hash(#[from] credentials::HashFailed),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("{0} is not a regular file, which an import reads several times: write it to a file first")]
    NoRegularFile(PathBuf),
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
    #[error("cannot tell which system the file is from: pass --format")]
    UnknownFormat,
    #[error(
        "{place} has the field {field}, which looks like a status and is not part of an export of {format}: \
         pass the right --format, or remove the field; nothing was written"
    )]
    UnreadStatus { place: Place, field: String, format: Format },
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

impl store::AttemptError for UsersError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Commit(error) if error.is_conflict())
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why), 2 wrong usage, 3 done, but some users were refused.";

pub(crate) fn command() -> Command {
    let subcommands = [import::command(), export::command(), grant_admin::command(), count::command()];
    let subcommands = subcommands.map(|command| command.args(system::arguments()));
    group(
        "users",
        "Import users with their passwords, export them, count them, and make administrators",
        EXIT_CODES,
        subcommands,
    )
    .after_help(EXIT_CODES)
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, UsersError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended: Ended = runtime.block_on(async {
        let system = System::open(arguments, |setup| setup).await?;
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
