//! `gatepost outbox`: what operators do with events that wait, are dead, or are wanted again.

mod change;
mod cleanup;
pub(crate) mod deployment;
mod flush;
mod list;
mod replay;
mod stats;
mod verify;

use std::{io, process::ExitCode};

use clap::{Arg, ArgMatches, Command};
use events::NotSwept;
use thiserror::Error;
use tokio::runtime;

use self::{
    deployment::Deployment,
    report::{Report, group},
};
use crate::{
    report,
    system::{SystemError, flag, value},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum OutboxError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::StoreError),
    #[error("the sweeper or another flush is at work: try again in a minute")]
    Busy,
    #[error("{0} is no number of an event: they are 1, 2, 3…")]
    NoSequence(String),
    #[error("there is no user {0}")]
    NoUser(domain::UserId),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

impl From<NotSwept> for OutboxError {
    fn from(not_swept: NotSwept) -> Self {
        match not_swept {
            NotSwept::Busy => Self::Busy,
            NotSwept::Failed(failure) => Self::Table(failure),
        }
    }
}

/// How it ended, if it could be done: the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// All is well.
    Well = 0,
    /// Something was found, or not all could be done: somebody should look.
    WithFindings = 3,
    /// Nothing was done, since nobody said yes.
    Unconfirmed = 4,
    /// Something that must be is not.
    WithErrors = 5,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why), 2 wrong usage, 3 done, but something was found \
or not all could be done, 4 nothing was done since nobody said yes.";

pub(crate) fn command() -> Command {
    let subcommands = [
        stats::command(),
        list::command(),
        flush::command(),
        change::retry_command(),
        change::requeue_command(),
        change::discard_command(),
        cleanup::command(),
        replay::command(),
        verify::command(),
    ];
    let subcommands = subcommands.map(|command| command.args(deployment::arguments()));
    group(
        "outbox",
        "Manage events: count, list, publish, give up, replay and verify them",
        EXIT_CODES,
        subcommands,
    )
    .after_help(EXIT_CODES)
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, OutboxError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let deployment = Deployment::open(arguments).await?;
        let report = Report::new(arguments);
        match name {
            "stats" => stats::run(&deployment, &report, arguments).await,
            "list" => list::run(&deployment, &report, arguments).await,
            "flush" => flush::run(&deployment, &report, arguments).await,
            "retry-failed" => change::retry(&deployment, &report).await,
            "requeue" => change::requeue(&deployment, &report, arguments).await,
            "discard" => change::discard(&deployment, &report, arguments).await,
            "cleanup" => cleanup::run(&deployment, &report, arguments).await,
            "replay" => replay::run(&deployment, &report, arguments).await,
            _ => verify::run(&deployment, &report, arguments).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

/// The option of those who write or publish.
fn dry_run() -> Arg {
    flag("dry-run", "Show what would be done, and do nothing")
}

/// The option of those who ask before.
fn yes() -> Arg {
    flag("yes", "Do not ask for confirmation")
}
