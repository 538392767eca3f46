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

use self::place::{DeployedTables, Place};
use crate::{
    outbox::Ended,
    report::{Report, group},
    stack::{Account, account_arguments, stack_argument},
    system::{SystemError, flag, value},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum DataError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::StoreError),
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
A PLACE is folder:DIR, a data folder of `gatepost dev`, which must not be running; stack:NAME, the tables of a deployed \
stack; tables:IDENTITIES,EVENTS, two tables of DynamoDB by their names; or ndjson:FILE.";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why; a copy that was interrupted goes on when it is said \
again), 2 wrong usage, 3 done, but the two places are not the same, 4 nothing was done since nobody said yes.";

pub(crate) fn command() -> Command {
    let place = |name: &'static str, help| {
        value(name, "PLACE", help).required(true).value_parser(value_parser!(Place))
    };
    let subcommands = [
        Command::new("copy")
            .about("Copy both tables into an empty place, item by item as they are, and compare the two")
            .arg(place("from", "Copy from this place, which must not change meanwhile"))
            .arg(place("to", "Copy to this place, which must be empty or hold the beginning of the same copy"))
            .arg(flag("dry-run", "Read and check everything, and write nothing")),
        Command::new("restored")
            .about("Finish a restore to an earlier moment before the system runs: end every session, revoke links, erase erased users again")
            .args(the_place())
            .arg(
                value("event-epoch", "N", "The new EventEpoch, one more than it ever was")
                    .required(true)
                    .value_parser(value_parser!(u64).range(2..)),
            )
            .arg(value("erased", "FILE", "Erase the users in this file again: one id a line, as `data erased` prints them").value_parser(value_parser!(PathBuf)))
            .arg(value("issuer", "URL", "The issuer of the events, if the system will run at another place"))
            .arg(flag("yes", "Do not ask for confirmation")),
        Command::new("erased").about("Print the ids of all erased users, one a line").args(the_place()),
        Command::new("check")
            .about("Count the items in a place, and print checksums")
            .args(the_place()),
    ];
    let subcommands = subcommands.map(|command| command.args(account_arguments()));
    let help = format!("{PLACES}\n\n{EXIT_CODES}");
    group("data", "Copy a whole system to another place, for moves and backups", &help, subcommands)
        .after_help(help.clone())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, DataError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended: Ended = runtime.block_on(async {
        let (account, report) = (Account::chosen(arguments), Report::new(arguments));
        let place = |name| place(arguments, name);
        match name {
            "copy" => copy::run(&place("from"), &place("to"), &account, &report).await,
            "restored" => restored::run(&place("place"), &account, arguments, &report).await,
            "erased" => restored::list(&place("place"), &account, &report).await,
            _ => sums::run(&place("place"), &account, &report).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

/// The one place of a command: any, or a stack as in every other command.
fn the_place() -> [Arg; 2] {
    let place = Arg::new("place").value_name("PLACE").value_parser(value_parser!(Place));
    [
        place.required_unless_present("stack").help("The place, unless --stack names one"),
        stack_argument().conflicts_with("place"),
    ]
}

fn place(arguments: &ArgMatches, name: &str) -> Place {
    let stack = || arguments.get_one::<String>("stack").cloned().unwrap_or_default();
    arguments.get_one(name).cloned().unwrap_or_else(|| DeployedTables::OfStack(stack()).into())
}
