//! `gatepost data`: both tables, whole, from place to place; and what must be done after a restore.

mod copy;
mod file;
mod place;
mod restored;
mod sums;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command, value_parser};
use thiserror::Error;
use tokio::runtime;

use self::place::Place;
use crate::{
    outbox::Ended,
    report::{Report, group},
    system::{NoSystem, flag, value},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    #[error(transparent)]
    System(#[from] NoSystem),
    #[error("{0}: see `gatepost data --help` for what tables need")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::Failure),
    #[error("{0}: nothing was copied")]
    NotBegun(#[from] store::NotBegun),
    #[error("the same copy was begun once more, and goes on there")]
    TakenOver,
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("{0} is there already: name another file")]
    Exists(PathBuf),
    #[error("{0} is being written by another copy")]
    BeingWritten(PathBuf),
    #[error("{0}, line {1}: {2}")]
    Line(PathBuf, u64, &'static str),
    #[error("a file cannot be changed: copy it into a folder first")]
    NotInAFile,
    #[error("{0}, line {1}: is no id of a user")]
    NoId(PathBuf, usize),
    #[error(
        "there are events of the epoch {0}, or of a later one: raise EventEpoch above all that there ever was"
    )]
    EpochUsed(u64),
    #[error("the user {0} cannot be read: see `gatepost outbox verify`")]
    Unreadable(String),
    #[error(
        "the user {0} is the last administrator and was erased: make another one first, then say it again"
    )]
    LastAdministrator(domain::UserId),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

const PLACES: &str = "\
A PLACE is folder:DIR, a data folder of `gatepost dev`, which must not run meanwhile; tables:IDENTITIES,EVENTS, two tables \
of DynamoDB by their names, with credentials and region from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and \
AWS_REGION; or ndjson:FILE.";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why; a copy that was interrupted goes on when it is said \
again), 2 wrong usage, 3 done, but the two places are not the same, 4 nothing was done since nobody said yes.";

pub(crate) fn command() -> Command {
    let place = |name: &'static str, help| {
        value(name, "PLACE", help).required(true).value_parser(value_parser!(Place))
    };
    let subcommands = [
        Command::new("copy")
            .about("Copies both tables, item by item as they are, into an empty place, and compares the two")
            .arg(place("from", "Where from: must stand still meanwhile"))
            .arg(place("to", "Where to: must be empty, or hold the beginning of this very copy"))
            .arg(flag("dry-run", "Reads and checks everything, and writes nothing")),
        Command::new("restored")
            .about("After a restore to an earlier moment, before the system runs: ends every session, takes links back, erases again who was erased")
            .arg(the_place())
            .arg(
                value("event-epoch", "N", "What EventEpoch will be: one more than it ever was")
                    .required(true)
                    .value_parser(value_parser!(u64).range(2..)),
            )
            .arg(value("erased", "FILE", "Who was erased: one id a line, as `data erased` prints them").value_parser(value_parser!(PathBuf)))
            .arg(value("issuer", "URL", "The source of the events, if the place is not where the system will run"))
            .arg(flag("yes", "Does not ask before")),
        Command::new("erased").about("Prints the ids of all who were erased in a place, one a line").arg(the_place()),
        Command::new("check")
            .about("Counts what is in a place, and says its checksums")
            .arg(the_place()),
    ];
    let help = format!("{PLACES}\n\n{EXIT_CODES}");
    group("data", "Copies a whole system to another place: for moves and backups", &help, subcommands)
        .after_help(help.clone())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, DataError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended: Ended = runtime.block_on(async {
        let report = Report::new(arguments);
        match name {
            "copy" => copy::run(place(arguments, "from"), place(arguments, "to"), &report).await,
            "restored" => restored::run(place(arguments, "place"), arguments, &report).await,
            "erased" => restored::list(place(arguments, "place"), &report).await,
            _ => sums::run(place(arguments, "place"), &report).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

fn the_place() -> Arg {
    Arg::new("place")
        .value_name("PLACE")
        .required(true)
        .value_parser(value_parser!(Place))
        .help("Which place")
}

/// An argument that must be there.
fn place<'a>(arguments: &'a ArgMatches, name: &str) -> &'a Place {
    static NOWHERE: Place = Place::File(PathBuf::new());
    arguments.get_one(name).unwrap_or(&NOWHERE)
}
