//! `gatepost users`: imports, exports and counts users, and makes the first administrator.

mod count;
mod export;
pub(crate) mod formats;
mod grant_admin;
mod import;
mod record;

use clap::{Args, Subcommand};

use self::{count::Count, export::Export, grant_admin::GrantAdmin, import::ImportOptions};
use crate::{cli::ExitCode, error::CliError, report::Report, system::Target};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Users {
    #[command(flatten)]
    target: Target,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: UsersCommand,
}

#[derive(Subcommand)]
enum UsersCommand {
    /// Import users from a file: check all of it first, and resume where an earlier run was interrupted
    Import(ImportOptions),
    /// Write all users with their password hashes, one JSON object a line, into a file that only you may read
    Export(Export),
    /// Make a user an administrator: grant the role admin, which has all of Gatepost's own permissions
    GrantAdmin(GrantAdmin),
    /// Show user counts by status, how many can administer, and what is counted wrongly
    Count(Count),
}

impl Users {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let (system, report) = (self.target.open().await?, Report::new(self.json));
        match self.command {
            UsersCommand::Import(options) => options.run(&system, report).await,
            UsersCommand::Export(export) => export.run(&system, &report).await,
            UsersCommand::GrantAdmin(grant) => grant.run(&system, &report).await,
            UsersCommand::Count(count) => count.run(&system, &report).await,
        }
    }
}
