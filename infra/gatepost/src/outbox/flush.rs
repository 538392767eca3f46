//! `gatepost outbox flush`: publishes due events immediately, instead of within minutes.

use std::time::Duration;

use clap::{Args, value_parser};
use cloud::Deadline;
use events::{Stop, SweepError, Sweeper, Swept};
use serde_json::json;
use store::State;
use tokio::{task::JoinHandle, time::sleep};

use super::{Deployment, change};
use crate::{
    cli::ExitCode,
    dev::end,
    error::CliError,
    report::{Progress, Report},
};

/// The time of a round, and the longest time of the sweeper's lease.
const ROUND_TIME: Duration = Duration::from_mins(1);

#[derive(Args)]
pub(crate) struct Flush {
    /// Continue until Ctrl-C
    #[arg(long)]
    continuous: bool,
    /// Seconds between rounds
    #[arg(long, value_name = "SECONDS", default_value = "10", requires = "continuous",
        value_parser = value_parser!(u64).range(1..=3600))]
    interval: u64,
    /// The highest number of events a round
    #[arg(long, value_name = "N", default_value = "1000", value_parser = value_parser!(u32).range(1..))]
    batch_size: u32,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Flush {
    pub(crate) async fn run(&self, deployment: &Deployment, report: Report) -> Result<ExitCode, CliError> {
        let report = &report.dry_run(self.dry_run);
        if report.dry_run {
            return would_try(deployment, report).await;
        }
        let sweeper = Sweeper::new(&deployment.events, deployment.outbox.clone())?;
        let (most, ended) = (self.batch_size as usize, until_ctrl_c());
        if !self.continuous {
            return once(&sweeper, report, most, &ended).await;
        }
        continuously(&sweeper, report, most, Duration::from_secs(self.interval), ended).await
    }
}

/// Runs rounds while there are events to deliver.
async fn once(
    sweeper: &Sweeper,
    report: &Report,
    most: usize,
    ended: &JoinHandle<()>,
) -> Result<ExitCode, CliError> {
    let (progress, mut total) = (Progress::of("events published"), Swept::default());
    loop {
        let swept = match sweeper.sweep(Duration::ZERO, most, Deadline::after(ROUND_TIME)).await {
            // The sweeper runs between two rounds, and its deliveries count as well.
            Err(SweepError::Busy) if total.delivered > 0 && !ended.is_finished() => {
                sleep(Duration::from_secs(1)).await;
                continue;
            }
            swept => swept?,
        };
        progress.add(swept.delivered);
        let is_last = swept.delivered == 0 || swept.stopped.is_some() || ended.is_finished();
        total = Swept {
            delivered: total.delivered + swept.delivered,
            dead: total.dead + swept.dead,
            postponed: total.postponed + swept.postponed,
            ..swept
        };
        if is_last {
            break;
        }
    }
    drop(progress);
    Ok(tell(report, &total))
}

async fn continuously(
    sweeper: &Sweeper,
    report: &Report,
    most: usize,
    interval: Duration,
    mut ended: JoinHandle<()>,
) -> Result<ExitCode, CliError> {
    let mut last = ExitCode::Done;
    while !ended.is_finished() {
        match sweeper.sweep(Duration::ZERO, most, Deadline::after(ROUND_TIME)).await {
            Ok(swept) => last = tell(report, &swept),
            Err(busy @ SweepError::Busy) => eprintln!("gatepost: {}", CliError::from(busy)),
            Err(failed) => return Err(failed.into()),
        }
        tokio::select! {
            _ = &mut ended => break,
            () = sleep(interval) => {}
        }
    }
    Ok(last)
}

async fn would_try(deployment: &Deployment, report: &Report) -> Result<ExitCode, CliError> {
    let now = deployment.clock().now();
    let due = change::keys(&deployment.outbox, State::Pending, |waiting| waiting.due_at <= now).await?;
    report.line(&format!("would try {} events", due.len()));
    report.document(json!({"due": due.len()}));
    Ok(ExitCode::Done)
}

/// Ends with the first Ctrl-C after the running round. The second one ends the process.
fn until_ctrl_c() -> JoinHandle<()> {
    tokio::spawn(async {
        let _ = end().await;
        eprintln!("Finishing running work …");
        tokio::spawn(async {
            let _ = end().await;
            std::process::exit(130);
        });
    })
}

fn tell(report: &Report, swept: &Swept) -> ExitCode {
    let Swept { delivered, dead, postponed, unreadable, stopped, .. } = swept;
    let stopped = stopped.as_ref().map(|(Stop::Unavailable(code) | Stop::Refused(code))| code);
    report.line(&format!("published {delivered} events, postponed {postponed}, {dead} are dead"));
    if let Some(code) = stopped {
        report.line(&format!("stopped: the bus refuses all events, {code}"));
    }
    if *unreadable > 0 {
        report.line(&format!("failed to read {unreadable} shards or streams"));
    }
    report.document(json!({
        "published": delivered, "postponed": postponed, "dead": dead, "unreadable": unreadable, "stopped": stopped,
    }));
    let is_well = dead + postponed + unreadable == 0 && stopped.is_none();
    if is_well { ExitCode::Done } else { ExitCode::Findings }
}
