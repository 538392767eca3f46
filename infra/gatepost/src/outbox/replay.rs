//! `gatepost outbox replay`: publishes delivered events again, unchanged.

use std::{collections::HashSet, time::Duration};

use clap::Args;
use cloud::Deadline;
use domain::{Timestamp, UserId};
use events::{Publisher, Stop};
use serde_json::json;
use store::{EventKey, OutboxItem, PendingEvent, State};

use super::Deployment;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
};

/// Events that are published together. The next ones wait for all of them.
const TOGETHER: usize = 500;
/// The time for these events, including retries.
const TIME: Duration = Duration::from_mins(5);

/// A single run.
struct Replay<'a> {
    deployment: &'a Deployment,
    publisher: Publisher,
    report: &'a Report,
    progress: Progress,
    since: Timestamp,
    until: Timestamp,
    collected: Vec<PendingEvent>,
    published: usize,
    users: usize,
    /// Events that the bus refused, and the reasons.
    refused: Vec<(EventKey, String)>,
    stopped: Option<Stop>,
}

#[derive(Args)]
pub(crate) struct ReplayOptions {
    #[command(flatten)]
    which: Which,
    /// Publish events committed before this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
#[group(required = true, multiple = true)]
struct Which {
    /// Publish the events of this user
    #[arg(long, value_name = "ID")]
    user: Option<UserId>,
    /// Publish events committed from this time on, e.g. 2026-11-21T03:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
}

impl ReplayOptions {
    pub(crate) async fn run(&self, deployment: &Deployment, report: Report) -> Result<ExitCode, CliError> {
        let (Which { user, since }, report) = (&self.which, report.dry_run(self.dry_run));
        let whose = user.map_or_else(|| "all users".to_owned(), |user| format!("user {user}"));
        let question =
            format!("Publish delivered events of {whose} again? Every rule of the bus matches them again.");
        if !report.is_confirmed(self.yes, &question)? {
            return Ok(ExitCode::Unconfirmed);
        }
        let mut replay = Replay {
            deployment,
            publisher: Publisher::new(&deployment.events, deployment.outbox.clone())?,
            report: &report,
            progress: Progress::of("events published"),
            since: since.unwrap_or(Timestamp::from_millis(0)),
            until: self.until.unwrap_or(Timestamp::from_millis(i64::MAX)),
            collected: Vec::new(),
            published: 0,
            users: 0,
            refused: Vec::new(),
            stopped: None,
        };
        match user {
            Some(user) => replay.stream(&format!("user#{user}")).await?,
            None => replay.all().await?,
        }
        replay.publish().await;
        Ok(replay.tell())
    }
}

impl Replay<'_> {
    async fn all(&mut self) -> Result<(), CliError> {
        let (mut known, mut start) = (HashSet::new(), None);
        loop {
            let page = self.deployment.outbox.scan(start).await?;
            for entry in page.items {
                let OutboxItem::Event(event) = entry else { continue };
                let is_wanted = event.state == State::Delivered
                    && event.key.stream.starts_with("user#")
                    && (self.since..self.until).contains(&event.created_at);
                if is_wanted && known.insert(event.key.stream.clone()) {
                    self.stream(&event.key.stream).await?;
                }
            }
            start = page.next;
            if start.is_none() || self.has_failed() {
                return Ok(());
            }
        }
    }

    async fn stream(&mut self, stream: &str) -> Result<(), CliError> {
        let (before, mut start) = (self.collected.len() + self.published, None);
        loop {
            let page = self.deployment.outbox.delivered_of(stream, self.since, self.until, start).await?;
            self.collected.extend(page.items);
            if self.collected.len() >= TOGETHER {
                self.publish().await;
            }
            start = page.next;
            if start.is_none() || self.has_failed() {
                break;
            }
        }
        self.users += usize::from(self.collected.len() + self.published > before);
        Ok(())
    }

    /// Publishes the collected events. They are already marked as delivered, so the publisher's marks change
    /// nothing.
    async fn publish(&mut self) {
        let events = std::mem::take(&mut self.collected);
        if self.has_failed() || events.is_empty() {
            return;
        }
        let count = events.len();
        if self.report.dry_run {
            self.published += count;
            return;
        }
        let report = self.publisher.publish(events, Deadline::after(TIME)).await;
        self.published += report.delivered.len();
        self.progress.add(report.delivered.len());
        self.refused.extend(report.failed.into_iter().map(|(event, code)| (event.key, code)));
        self.refused
            .extend(report.dead.into_iter().map(|key| (key, "the bus refuses it permanently".to_owned())));
        self.stopped = report.stopped;
    }

    /// Returns whether an event was not published. Later events are not published then.
    fn has_failed(&self) -> bool {
        !self.refused.is_empty() || self.stopped.is_some()
    }

    fn tell(self) -> ExitCode {
        drop(self.progress);
        for (key, code) in &self.refused {
            self.report.line(&format!("not published {key}: {code}"));
        }
        let stopped =
            self.stopped.as_ref().map(|(Stop::Unavailable(code) | Stop::Refused(code))| code.clone());
        if let Some(code) = &stopped {
            self.report.line(&format!("stopped: the bus refuses all events, {code}"));
        }
        let did = self.report.did("published", "publish");
        self.report.line(&format!("{did} {} events of {} users again", self.published, self.users));
        let refused = self.refused.iter();
        let refused =
            refused.map(|(key, code)| json!({"stream": key.stream, "sequence": key.sequence, "error": code}));
        self.report.document(json!({
            "published": self.published, "users": self.users,
            "refused": refused.collect::<Vec<_>>(), "stopped": stopped,
        }));
        if self.refused.is_empty() && stopped.is_none() { ExitCode::Done } else { ExitCode::Findings }
    }
}
