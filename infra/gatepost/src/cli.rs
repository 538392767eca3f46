//! The command line: its subcommands, and the exit codes of all of them.

use std::process;

use clap::{Command as Clap, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    clients::Clients, data::Data, dev::Dev, doctor::Doctor, error::CliError, keys::Keys, logs::Logs,
    mail::Mail, outbox::Outbox, tasks::Tasks, users::Users,
};

/// Run and operate the identity service Gatepost
#[derive(Parser)]
#[command(name = "gatepost", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole system on this machine: API, functions, tables, events and mails
    Dev(Dev),
    /// Check a system, and print problems with their remedies
    Doctor(Doctor),
    /// Manage events: count, list, publish, discard, replay and verify them
    Outbox(Outbox),
    /// Manage the keys that sign and seal tokens
    Keys(Keys),
    /// Find the log lines of an address or a source
    Logs(Logs),
    /// Preview mails, and manage suppressed addresses
    Mail(Mail),
    /// Manage recurring and scheduled tasks
    Tasks(Tasks),
    /// Import users with their passwords, export them, count them, and make administrators
    Users(Users),
    /// Register the applications that users sign in to
    Clients(Clients),
    /// Copy a whole system to another place, for moves and backups
    Data(Data),
}

/// The result of a command that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    Done = 0,
    /// The command found something, or could not do everything.
    Findings = 3,
    /// The operator did not confirm, and nothing was done.
    Unconfirmed = 4,
    /// Something that the system needs is missing or broken.
    Errors = 5,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed (one sentence says why), 2 wrong usage, 3 done, but something was found, refused or left, \
4 not confirmed, and nothing was done, 5 the doctor found errors.";

/// Runs the command in the arguments.
pub(crate) fn run() -> process::ExitCode {
    let matches = with_exit_codes(Cli::command()).get_matches();
    let Cli { command } = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(CliError::from).and_then(|runtime| runtime.block_on(command.run())) {
        Ok(code) => process::ExitCode::from(code as u8),
        Err(error) => {
            eprintln!("gatepost: {error}");
            process::ExitCode::FAILURE
        }
    }
}

fn with_exit_codes(command: Clap) -> Clap {
    let own = command.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
    command.after_help(own + EXIT_CODES).mut_subcommands(with_exit_codes)
}

impl Command {
    async fn run(self) -> Result<ExitCode, CliError> {
        match self {
            Self::Dev(dev) => dev.run().await,
            Self::Doctor(doctor) => doctor.run().await,
            Self::Outbox(outbox) => Box::pin(outbox.run()).await,
            Self::Keys(keys) => keys.run().await,
            Self::Logs(logs) => logs.run().await,
            Self::Mail(mail) => mail.run().await,
            Self::Tasks(tasks) => tasks.run().await,
            Self::Users(users) => Box::pin(users.run()).await,
            Self::Clients(clients) => clients.run().await,
            Self::Data(data) => Box::pin(data.run()).await,
        }
    }
}
