//! `gatepost mail`: previews of mails, and suppressed addresses.

mod preview;
mod suppressions;

use clap::{Args, Subcommand};

use self::{preview::Preview, suppressions::Suppressions};
use crate::{cli::ExitCode, error::CliError};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Mail {
    #[command(subcommand)]
    command: MailCommand,
}

#[derive(Subcommand)]
enum MailCommand {
    /// Write every mail with sample values into a folder, with an index.html to look at them
    Preview(Preview),
    /// Manage suppressed addresses
    Suppressions(Suppressions),
}

impl Mail {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        match self.command {
            MailCommand::Preview(preview) => preview.run(),
            MailCommand::Suppressions(suppressions) => suppressions.run().await,
        }
    }
}
