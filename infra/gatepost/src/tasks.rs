//! `gatepost tasks`: what the system does by itself, each so often or once at a moment, and how it went.

use std::{io, process::ExitCode, time::Duration};

use clap::{Arg, ArgMatches, Command};
use cloud::Cloud;
use domain::{Actor, EventContext, Timestamp, User, UserId};
use local::template::Schedule;
use serde_json::{Value, json};
use store::{Erasure, Run, Runs, Store, retry_on_conflict};
use thiserror::Error;
use tokio::runtime;

use crate::{
    outbox::Ended,
    report::{Report, group, moment, spoken},
    system::{self, System, SystemError, flag},
};

/// Why it could not be done, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum TasksError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error(transparent)]
    Template(#[from] local::template::TemplateError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::StoreError),
    #[error("{}", cloud::chain(.0))]
    Commit(#[from] store::CommitError<store::LastAdministrator>),
    #[error("there is no task {0}: see `gatepost tasks list`")]
    NoTask(String),
    #[error("{0} is done again and again: what waits can be canceled, such as {0}/USER")]
    Recurs(String),
    #[error("{0} is due: it is too late")]
    Due(String),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

impl store::AttemptError for TasksError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Commit(error) if error.is_conflict())
    }
}

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 could not be done (one sentence says why), 2 wrong usage, 3 the last run of a task failed, or one \
of a deployed system is late, 4 nothing was done since nobody said yes.";

/// What waits for its moment is done by this one.
const ERASES: &str = "erase-users";
/// The last moment that the table can sort.
const NEVER: Timestamp = Timestamp::from_millis(999_999_999_999_998);

pub(crate) fn command() -> Command {
    let task = || Arg::new("task").value_name("TASK").required(true).help("The name, as `list` shows it");
    let subcommands = [
        Command::new("list").about("List recurring and scheduled tasks"),
        Command::new("status").about("Show how the last run of a task went, or when it is due").arg(task()),
        Command::new("cancel")
            .about("Cancel a scheduled erasure and restore the user's previous status")
            .arg(task())
            .arg(flag("dry-run", "Show what would be done, and do nothing"))
            .arg(flag("yes", "Do not ask for confirmation")),
    ];
    let subcommands = subcommands.map(|command| command.args(system::arguments()));
    group("tasks", "Manage recurring and scheduled tasks", EXIT_CODES, subcommands).after_help(EXIT_CODES)
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, TasksError> {
    let Some((name, arguments)) = arguments.subcommand() else { return Ok(ExitCode::SUCCESS) };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let system = System::open(arguments, |setup| setup).await?;
        let tasks = Tasks::of(&system)?;
        let report = Report::new(arguments);
        let task = arguments.try_get_one::<String>("task").ok().flatten().map_or("", String::as_str);
        match name {
            "list" => tasks.list(&report).await,
            "status" => tasks.status(task, &report).await,
            _ => tasks.cancel(task, &report).await,
        }
    })?;
    Ok(ExitCode::from(ended as u8))
}

/// The tasks of a system.
struct Tasks {
    cloud: Cloud,
    store: Store,
    schedules: Vec<Schedule>,
    /// Whether it runs day and night: a data folder does so only while somebody runs it.
    is_always_on: bool,
}

impl Tasks {
    fn of(system: &System) -> Result<Self, TasksError> {
        let cloud = system.cloud(ERASES)?;
        let schedules = local::Stack::memory().template()?.schedules;
        let is_always_on = matches!(system, System::Deployed(_));
        Ok(Self { store: Store::new(&cloud)?, cloud, schedules, is_always_on })
    }

    async fn list(&self, report: &Report) -> Result<Ended, TasksError> {
        let (mut recurring, mut waiting, mut ended) = (Vec::new(), Vec::new(), Ended::Well);
        for schedule in &self.schedules {
            let (line, document, is_well) = self.recurring(schedule).await?;
            report.line(&format!("{:<14}  {:<17}  {line}", schedule.function, schedule.expression));
            recurring.push(document);
            if !is_well {
                ended = Ended::WithFindings;
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

    async fn status(&self, task: &str, report: &Report) -> Result<Ended, TasksError> {
        if let Some(schedule) = self.schedules.iter().find(|schedule| schedule.function == task) {
            let (line, document, is_well) = self.recurring(schedule).await?;
            report.line(&format!("{}: {line}", schedule.expression));
            report.document(document);
            return Ok(if is_well { Ended::Well } else { Ended::WithFindings });
        }
        let (_, erasure) = self.waiting(task).await?;
        report.line(&format!("at {}: the user is erased", erasure.due_at));
        report.document(shown(erasure));
        Ok(Ended::Well)
    }

    async fn cancel(&self, task: &str, report: &Report) -> Result<Ended, TasksError> {
        if self.schedules.iter().any(|schedule| schedule.function == task) {
            return Err(TasksError::Recurs(task.to_owned()));
        }
        let (_, erasure) = self.waiting(task).await?;
        if !report.is_confirmed(&format!("{} has asked to be erased. Keep them?", erasure.user_id))? {
            return Ok(Ended::Unconfirmed);
        }
        if !report.dry_run {
            self.keep(task).await?;
        }
        report.line(&format!("{} {task}", report.did("canceled", "cancel")));
        report.document(json!({"canceled": task}));
        Ok(Ended::Well)
    }

    /// Takes the deletion back, as the user could by logging in.
    async fn keep(&self, task: &str) -> Result<(), TasksError> {
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
                return Err(TasksError::Due(task.to_owned()));
            }
            Ok(self.store.answering(None).change_user(&user.cancel_deletion(None, cause.clone())).await?)
        })
        .await
    }

    /// What waits under this name, and whom it is about.
    async fn waiting(&self, task: &str) -> Result<(User, Erasure), TasksError> {
        let nothing = || TasksError::NoTask(task.to_owned());
        let id = task.strip_prefix(ERASES).and_then(|rest| rest.strip_prefix('/')).ok_or_else(nothing)?;
        let id: UserId = id.parse().map_err(|_| nothing())?;
        let user = self.store.identities().user(id).await?.ok_or_else(nothing)?;
        let erasure = Erasure::of(&user).ok_or_else(nothing)?;
        Ok((user, erasure))
    }

    /// How the last run went, for people and for programs, and whether all is well with it.
    async fn recurring(&self, schedule: &Schedule) -> Result<(String, Value, bool), TasksError> {
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
        (None, _) => format!("ended well {ended} ago"),
        (Some(why), Some(well)) => {
            format!("failed {ended} ago: {why}; ended well {} ago", spoken(since(well)))
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
