//! `gatepost data`: both tables, whole, from place to place; and what must be done after a restore.

mod copy;
mod file;
mod place;
mod sums;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{Arg, ArgMatches, Command, value_parser};
use thiserror::Error;
use tokio::runtime;

use self::place::Place;
use crate::{
    outbox::Ended,
    report::Report,
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
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

const PLACES: &str = "\
A PLACE is folder:DIR, a data folder of `gatepost dev`, which must not run meanwhile; tables:IDENTITIES,EVENTS, two tables \
of DynamoDB by their names, with credentials and region from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and \
AWS_REGION; or ndjson:FILE.";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why; a copy that was interrupted goes on when it is said \
again), 2 wrong usage, 3 done, but the two places are not the same.";

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
        Command::new("check")
            .about("Counts what is in a place, and says its checksums")
            .arg(Arg::new("place").value_name("PLACE").required(true).value_parser(value_parser!(Place))),
    ];
    Command::new("data")
        .about("Copies a whole system to another place: for moves and backups")
        .after_help(format!("{PLACES}\n\n{EXIT_CODES}"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(subcommands.map(|command| {
            let command = command.after_help(format!("{PLACES}\n\n{EXIT_CODES}"));
            command.arg(flag("json", "Prints one JSON document instead of text"))
        }))
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, DataError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended: Ended = runtime.block_on(async {
        let report = Report::new(arguments);
        match name {
            "copy" => copy::run(place(arguments, "from"), place(arguments, "to"), &report).await,
            _ => sums::run(place(arguments, "place"), &report).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

/// An argument that must be there.
fn place<'a>(arguments: &'a ArgMatches, name: &str) -> &'a Place {
    static NOWHERE: Place = Place::File(PathBuf::new());
    arguments.get_one(name).unwrap_or(&NOWHERE)
}
