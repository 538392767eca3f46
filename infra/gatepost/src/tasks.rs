//! `gatepost tasks`: recurring and scheduled work of the system, and its results.

use std::time::Duration;

use clap::{Args, Subcommand};
use cloud::Cloud;
use domain::{Actor, EventContext, Timestamp, User, UserId};
use local::template::Schedule;
use serde_json::{Value, json};
use store::{Erasure, Run, Runs, Store, retry_on_conflict};

use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Report, moment, spoken},
    system::{System, Target},
};

/// The task that performs scheduled erasures.
const ERASES: &str = "erase-users";
/// The latest time that the table can sort.
const NEVER: Timestamp = Timestamp::from_millis(999_999_999_999_998);

#[derive(Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Tasks {
    #[command(flatten)]
    target: Target,
    /// Print one JSON document instead of text
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: TasksCommand,
}

#[derive(Subcommand)]
enum TasksCommand {
    /// List recurring and scheduled tasks
    List,
    /// Show the last run of a task, or when it is due
    Status {
        /// The name, as `list` shows it
        task: String,
    },
    /// Cancel a scheduled erasure and restore the user's previous status
    Cancel {
        /// The name, as `list` shows it
        task: String,
        /// Show what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

impl Tasks {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let (tasks, report) = (SystemTasks::of(&self.target.open().await?)?, Report::new(self.json));
        match self.command {
            TasksCommand::List => tasks.list(&report).await,
            TasksCommand::Status { task } => tasks.status(&task, &report).await,
            TasksCommand::Cancel { task, dry_run, yes } => {
                tasks.cancel(&task, &report.dry_run(dry_run), yes).await
            }
        }
    }
}

/// The tasks of a system.
struct SystemTasks {
    cloud: Cloud,
    store: Store,
    schedules: Vec<Schedule>,
    /// Whether the system always runs. A data folder works only while `gatepost dev` runs.
    is_always_on: bool,
}

impl SystemTasks {
    fn of(system: &System) -> Result<Self, CliError> {
        let cloud = system.cloud(ERASES)?;
        let schedules = local::Stack::memory().template()?.schedules;
        let is_always_on = matches!(system, System::Deployed(_));
        Ok(Self { store: Store::new(&cloud)?, cloud, schedules, is_always_on })
    }

    async fn list(&self, report: &Report) -> Result<ExitCode, CliError> {
        let (mut recurring, mut waiting, mut ended) = (Vec::new(), Vec::new(), ExitCode::Done);
        for schedule in &self.schedules {
            let (line, document, is_well) = self.recurring(schedule).await?;
            report.line(&format!("{:<14}  {:<17}  {line}", schedule.function, schedule.expression));
            recurring.push(document);
            if !is_well {
                ended = ExitCode::Findings;
            }
        }
        let mut after = None;
        loop {
            let page = self.store.identities().due_erasures(NEVER, after).await?;
            after = page.last().copied();
            for erasure in page {
                report.line(&format!("{}  at {}", name_of(erasure), erasure.due_at));
                waiting.push(shown(erasure));
            }
            if after.is_none() {
                break;
            }
        }
        report.document(json!({"recurring": recurring, "waiting": waiting}));
        Ok(ended)
    }

    async fn status(&self, task: &str, report: &Report) -> Result<ExitCode, CliError> {
        if let Some(schedule) = self.schedules.iter().find(|schedule| schedule.function == task) {
            let (line, document, is_well) = self.recurring(schedule).await?;
            report.line(&format!("{}: {line}", schedule.expression));
            report.document(document);
            return Ok(if is_well { ExitCode::Done } else { ExitCode::Findings });
        }
        let (_, erasure) = self.waiting(task).await?;
        report.line(&format!("at {}: the user is erased", erasure.due_at));
        report.document(shown(erasure));
        Ok(ExitCode::Done)
    }

    async fn cancel(&self, task: &str, report: &Report, yes: bool) -> Result<ExitCode, CliError> {
        if self.schedules.iter().any(|schedule| schedule.function == task) {
            return Err(CliError::Recurs(task.to_owned()));
        }
        let (_, erasure) = self.waiting(task).await?;
        if !report.is_confirmed(yes, &format!("{} is to be erased. Keep the user?", erasure.user_id))? {
            return Ok(ExitCode::Unconfirmed);
        }
        if !report.dry_run {
            self.keep(task).await?;
        }
        report.line(&format!("{} {task}", report.did("canceled", "cancel")));
        report.document(json!({"canceled": task}));
        Ok(ExitCode::Done)
    }

    /// Cancels the deletion, as the user could by logging in.
    async fn keep(&self, task: &str) -> Result<(), CliError> {
        let (now, random) = (self.cloud.clock().now(), self.cloud.random());
        let cause = EventContext {
            event_id: random.id(now),
            occurred_at: now,
            actor: Actor::Operator,
            correlation_id: random.uuid().to_string(),
            traceparent: None,
        };
        retry_on_conflict(|_| async {
            let (user, erasure) = self.waiting(task).await?;
            if erasure.due_at <= now {
                return Err(CliError::Due(task.to_owned()));
            }
            Ok(self.store.answering(None).change_user(&user.cancel_deletion(None, cause.clone())).await?)
        })
        .await
    }

    /// Returns the scheduled erasure of this name, and its user.
    async fn waiting(&self, task: &str) -> Result<(User, Erasure), CliError> {
        let nothing = || CliError::NoTask(task.to_owned());
        let id = task.strip_prefix(ERASES).and_then(|rest| rest.strip_prefix('/')).ok_or_else(nothing)?;
        let id: UserId = id.parse().map_err(|_| nothing())?;
        let user = self.store.identities().user(id).await?.ok_or_else(nothing)?;
        let erasure = Erasure::of(&user).ok_or_else(nothing)?;
        Ok((user, erasure))
    }

    /// Returns the last run as text and as JSON, and whether it is fine.
    async fn recurring(&self, schedule: &Schedule) -> Result<(String, Value, bool), CliError> {
        let run = Runs::new(&self.cloud, &schedule.function)?.last().await?;
        let now = self.cloud.clock().now();
        let since = |then: Timestamp| now.since(then);
        let is_late = self.is_always_on && run.as_ref().is_some_and(|run| run.is_late(schedule.every, now));
        let line = run.as_ref().map_or_else(|| "has not run yet".to_owned(), |run| went(run, since));
        let failed = run.as_ref().and_then(|run| run.failed.clone());
        let document = json!({
            "task": schedule.function,
            "schedule": schedule.expression,
            "began_at": moment(run.as_ref().map(|run| run.began_at)),
            "ended_at": moment(run.as_ref().map(|run| run.ended_at)),
            "succeeded_at": moment(run.as_ref().and_then(|run| run.succeeded_at)),
            "failed": failed,
            "late": is_late,
        });
        let line = if is_late { format!("{line}; it is late") } else { line };
        Ok((line, document, failed.is_none() && !is_late))
    }
}

fn went(run: &Run, since: impl Fn(Timestamp) -> Duration) -> String {
    let ended = spoken(since(run.ended_at));
    match (&run.failed, run.succeeded_at) {
        (None, _) => format!("succeeded {ended} ago"),
        (Some(why), Some(well)) => {
            format!("failed {ended} ago: {why}; succeeded {} ago", spoken(since(well)))
        }
        (Some(why), None) => format!("failed {ended} ago: {why}"),
    }
}

fn name_of(erasure: Erasure) -> String {
    format!("{ERASES}/{}", erasure.user_id)
}

fn shown(erasure: Erasure) -> Value {
    json!({"task": name_of(erasure), "at": erasure.due_at.to_string()})
}
