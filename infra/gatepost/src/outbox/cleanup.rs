//! `gatepost outbox cleanup`: deletes events that were delivered long ago.

use std::time::Duration;

use clap::{Args, value_parser};
use serde_json::json;

use super::Deployment;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
};

#[derive(Args)]
pub(crate) struct Cleanup {
    /// Delete events that were delivered or discarded more than this many days ago
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    days: u32,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl Cleanup {
    pub(crate) async fn run(&self, deployment: &Deployment, report: Report) -> Result<ExitCode, CliError> {
        let report = report.dry_run(self.dry_run);
        let question = format!(
            "Delete all events that were delivered or discarded more than {} days ago? They can never be replayed.",
            self.days
        );
        if !report.is_confirmed(self.yes, &question)? {
            return Ok(ExitCode::Unconfirmed);
        }
        delete(deployment, &report, self.days).await
    }
}

async fn delete(deployment: &Deployment, report: &Report, days: u32) -> Result<ExitCode, CliError> {
    let before = deployment.clock().now().minus(Duration::from_hours(24) * days);
    let progress = Progress::of("events deleted");
    let (mut deleted, mut start) = (0, None);
    loop {
        let page = deployment.outbox.settled_before(before, start).await?;
        if !report.dry_run {
            deployment.outbox.delete(&page.items).await?;
        }
        deleted += page.items.len();
        progress.add(page.items.len());
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    drop(progress);
    report.line(&format!("{} {deleted} events", report.did("deleted", "delete")));
    report.document(json!({"deleted": deleted, "before": before.to_string()}));
    Ok(ExitCode::Done)
}
