//! `gatepost mail`: how mails look, and who gets none.

mod preview;
mod suppressions;

use std::{io, path::PathBuf, process::ExitCode};

use clap::{ArgMatches, Command};
use send_mail::TemplatesError;
use thiserror::Error;

use crate::outbox::OutboxError;

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum MailError {
    #[error("templates that cannot be used: {0}")]
    Templates(#[from] TemplatesError),
    #[error("there is no language {0}: there are {1}")]
    NoLocale(String, String),
    #[error("{0} is no name")]
    NoName(String),
    #[error("{path} cannot be written: {1}", path = .0.display())]
    Unwritable(PathBuf, io::Error),
    #[error("{0} is no e-mail address")]
    NoAddress(String),
    #[error(transparent)]
    Deployment(#[from] OutboxError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::StoreError),
    #[error("the system does not permit it: {0}")]
    System(#[from] io::Error),
}

pub(crate) fn command() -> Command {
    Command::new("mail")
        .about("Preview mails, and manage addresses that get no mail")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(preview::command())
        .subcommand(suppressions::command())
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, MailError> {
    match arguments.subcommand() {
        Some(("preview", arguments)) => preview::run(arguments).map(|()| ExitCode::SUCCESS),
        Some(("suppressions", arguments)) => suppressions::run(arguments),
        _ => Ok(ExitCode::SUCCESS),
    }
}
