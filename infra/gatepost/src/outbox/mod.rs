//! `gatepost outbox`: manages pending, dead and delivered events.

mod change;
mod cleanup;
pub(crate) mod deployment;
mod flush;
mod list;
mod replay;
mod stats;
mod verify;

use clap::{Args, Subcommand};

use self::{
    change::Choice,
    cleanup::Cleanup,
    deployment::{Deployment, DeploymentOptions},
    flush::Flush,
    list::List,
    replay::ReplayOptions,
    stats::Stats,
    verify::Verify,
};
use crate::{cli::ExitCode, error::CliError, report::Report};

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Outbox {
    #[command(flatten)]
    deployment: DeploymentOptions,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: OutboxCommand,
}

#[derive(Subcommand)]
enum OutboxCommand {
    /// Count pending, overdue and dead events
    Stats(Stats),
    /// List events, longest waiting first
    List(List),
    /// Publish all pending events that are due, in order, while the sweeper is paused
    Flush(Flush),
    /// Make every postponed event due now: the sweeper tries it within a minute, `flush` immediately
    RetryFailed {
        /// Show what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Make dead events pending again, due now and with all their attempts
    Requeue(Choice),
    /// Discard dead events or a quarantined record permanently
    Discard(Choice),
    /// Delete delivered and discarded events permanently, but no pending or dead ones
    Cleanup(Cleanup),
    /// Publish delivered events of users again, in order, with the same ids and bytes
    Replay(ReplayOptions),
    /// Check that each user's events are 1, 2, 3… up to the user's version, and print findings
    Verify(Verify),
}

impl Outbox {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let (deployment, report) = (Deployment::open(&self.deployment).await?, Report::new(self.json));
        match self.command {
            OutboxCommand::Stats(stats) => stats.run(&deployment, &report).await,
            OutboxCommand::List(list) => list.run(&deployment, &report).await,
            OutboxCommand::Flush(flush) => flush.run(&deployment, report).await,
            OutboxCommand::RetryFailed { dry_run } => {
                change::retry(&deployment, &report.dry_run(dry_run)).await
            }
            OutboxCommand::Requeue(choice) => change::requeue(&deployment, report, &choice).await,
            OutboxCommand::Discard(choice) => change::discard(&deployment, report, &choice).await,
            OutboxCommand::Cleanup(cleanup) => cleanup.run(&deployment, report).await,
            OutboxCommand::Replay(options) => options.run(&deployment, report).await,
            OutboxCommand::Verify(verify) => verify.run(&deployment, &report).await,
        }
    }
}
