//! `gatepost outbox cleanup`: deletes what was delivered long ago.

use std::time::Duration;

use clap::{ArgMatches, Command, value_parser};
use serde_json::json;

use super::{
    Deployment, Ended, OutboxError, dry_run,
    report::{Progress, Report},
    value, yes,
};

pub(crate) fn command() -> Command {
    Command::new("cleanup")
        .about("Delete delivered and discarded events for ever, but no pending or dead ones")
        .arg(
            value("days", "N", "Delete events that were delivered or discarded more than so many days ago")
                .required(true)
                .value_parser(value_parser!(u32).range(1..)),
        )
        .args([dry_run(), yes()])
}

pub(crate) async fn run(
    deployment: &Deployment,
    report: &Report,
    arguments: &ArgMatches,
) -> Result<Ended, OutboxError> {
    let days = *arguments.get_one::<u32>("days").unwrap_or(&u32::MAX);
    let question = format!(
        "Delete all events that were delivered or discarded more than {days} days ago? They can never be replayed."
    );
    if !report.is_confirmed(&question)? {
        return Ok(Ended::Unconfirmed);
    }
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
    Ok(Ended::Well)
}
