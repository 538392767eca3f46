//! `gatepost outbox retry-failed`, `requeue` and `discard`: decisions about failed events.

use std::collections::BTreeMap;

use clap::Args;
use domain::Timestamp;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use store::{EventKey, Outbox, OutboxItem, State, StoreError};

use super::Deployment;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
};

/// Streams that are changed concurrently. The events of a stream are changed in sequence.
const AT_ONCE: usize = 16;

/// A decision about an event.
#[derive(Clone, Copy)]
enum Change {
    Retry,
    Requeue,
    Discard,
}

/// The outcome for an event.
enum Outcome {
    Done,
    /// The event is not, or no longer, in the required state.
    Unfit,
}

#[derive(Args)]
pub(crate) struct Choice {
    #[command(flatten)]
    which: Which,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Change this event, e.g. user#01a1… 3
    #[arg(long, num_args = 2, value_names = ["STREAM", "SEQUENCE"])]
    event: Vec<String>,
    /// Change all dead events
    #[arg(long)]
    all: bool,
}

pub(crate) async fn retry(deployment: &Deployment, report: &Report) -> Result<ExitCode, CliError> {
    let put_off =
        keys(&deployment.outbox, State::Pending, |waiting| waiting.due_at > waiting.created_at).await?;
    change_all(deployment, report, Change::Retry, put_off).await
}

pub(crate) async fn requeue(
    deployment: &Deployment,
    report: Report,
    choice: &Choice,
) -> Result<ExitCode, CliError> {
    let keys = choice.which.keys(&deployment.outbox).await?;
    let question = format!(
        "Make {} pending again? Events that were delivered after one of them have overtaken it: consumers that have \
         read them skip it as old, unless they fill gaps.",
        counted(&keys)
    );
    if_confirmed(deployment, report, choice, Change::Requeue, keys, &question).await
}

pub(crate) async fn discard(
    deployment: &Deployment,
    report: Report,
    choice: &Choice,
) -> Result<ExitCode, CliError> {
    let keys = choice.which.keys(&deployment.outbox).await?;
    let question = format!(
        "Discard {} permanently? A discarded event is never published: consumers find a gap in its stream.",
        counted(&keys)
    );
    if_confirmed(deployment, report, choice, Change::Discard, keys, &question).await
}

/// Changes events after the operator has confirmed. Without events, it does not ask.
async fn if_confirmed(
    deployment: &Deployment,
    report: Report,
    choice: &Choice,
    change: Change,
    keys: Vec<EventKey>,
    question: &str,
) -> Result<ExitCode, CliError> {
    let report = report.dry_run(choice.dry_run);
    if !keys.is_empty() && !report.is_confirmed(choice.yes, question)? {
        return Ok(ExitCode::Unconfirmed);
    }
    change_all(deployment, &report, change, keys).await
}

fn counted(keys: &[EventKey]) -> String {
    match keys {
        [key] => key.to_string(),
        keys => format!("{} dead events", keys.len()),
    }
}

impl Which {
    async fn keys(&self, outbox: &Outbox) -> Result<Vec<EventKey>, CliError> {
        match (self.event.as_slice(), self.all) {
            ([stream, sequence], _) => {
                let sequence = sequence.parse().map_err(|_| CliError::NoSequence(sequence.clone()))?;
                Ok(vec![EventKey { stream: stream.clone(), sequence }])
            }
            (_, true) => Ok(keys(outbox, State::Dead, |_| true).await?),
            (_, false) => Ok(Vec::new()),
        }
    }
}

/// Returns the events of a state in the index.
pub(crate) async fn keys(
    outbox: &Outbox,
    state: State,
    is_wanted: impl Fn(&store::Waiting) -> bool,
) -> Result<Vec<EventKey>, StoreError> {
    let mut keys = Vec::new();
    for shard in Outbox::shards() {
        let mut start = None;
        loop {
            let page = outbox.indexed(shard, state, None, start).await?;
            keys.extend(page.items.into_iter().filter(&is_wanted).map(|waiting| waiting.key));
            start = page.next;
            if start.is_none() {
                break;
            }
        }
    }
    Ok(keys)
}

async fn change_all(
    deployment: &Deployment,
    report: &Report,
    change: Change,
    keys: Vec<EventKey>,
) -> Result<ExitCode, CliError> {
    let now = deployment.clock().now();
    let mut streams = BTreeMap::<String, Vec<EventKey>>::new();
    for key in keys {
        streams.entry(key.stream.clone()).or_default().push(key);
    }
    let progress = Progress::of("events");
    let (mut changed, mut unfit) = (Vec::new(), Vec::new());
    let tasks = streams.into_values().map(|mut keys| {
        keys.sort();
        change_stream(&deployment.outbox, change, keys, now, report.dry_run)
    });
    let mut tasks = stream::iter(tasks).buffer_unordered(AT_ONCE);
    let (did, state) = (report.did(change.done(), change.name()), change.wanted());
    while let Some(outcomes) = tasks.try_next().await? {
        progress.add(outcomes.len());
        for (key, outcome) in outcomes {
            match outcome {
                Outcome::Done => {
                    report.line(&format!("{did} {key}"));
                    changed.push(json!({"stream": key.stream, "sequence": key.sequence}));
                }
                Outcome::Unfit => {
                    report.line(&format!("skipped {key}: it is not {state}"));
                    unfit.push(json!({"stream": key.stream, "sequence": key.sequence}));
                }
            }
        }
    }
    drop(progress);
    report.line(&format!("{did} {} in all", changed.len()));
    let ended = if unfit.is_empty() { ExitCode::Done } else { ExitCode::Findings };
    report.document(json!({change.done(): changed, "left": unfit}));
    Ok(ended)
}

async fn change_stream(
    outbox: &Outbox,
    change: Change,
    keys: Vec<EventKey>,
    now: Timestamp,
    dry_run: bool,
) -> Result<Vec<(EventKey, Outcome)>, StoreError> {
    let mut outcomes = Vec::new();
    for key in keys {
        let is_done = change.make(outbox, &key, now, dry_run).await?;
        outcomes.push((key, if is_done { Outcome::Done } else { Outcome::Unfit }));
    }
    Ok(outcomes)
}

impl Change {
    /// Makes the change if the event is in the required state. A dry run only checks. Returns whether the
    /// state was right.
    async fn make(
        self,
        outbox: &Outbox,
        key: &EventKey,
        now: Timestamp,
        dry_run: bool,
    ) -> Result<bool, StoreError> {
        let Some(entry) = outbox.item(key).await? else { return Ok(false) };
        match (self, entry) {
            (Self::Retry, OutboxItem::Event(seen)) if seen.state == State::Pending && seen.attempts > 0 => {
                Ok(dry_run || outbox.retry(&seen, now).await?)
            }
            (Self::Requeue, OutboxItem::Event(seen)) if seen.state == State::Dead => {
                Ok(dry_run || outbox.requeue(key, now).await?)
            }
            (Self::Discard, OutboxItem::Event(seen)) if seen.state == State::Dead => {
                Ok(dry_run || outbox.discard(key, now).await?)
            }
            (Self::Discard, OutboxItem::Quarantined { is_discarded: false, .. }) => {
                Ok(dry_run || outbox.discard(key, now).await?)
            }
            _ => Ok(false),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Requeue => "requeue",
            Self::Discard => "discard",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Retry => "due",
            Self::Requeue => "requeued",
            Self::Discard => "discarded",
        }
    }

    /// Returns the required state of an event.
    const fn wanted(self) -> &'static str {
        match self {
            Self::Retry => "postponed",
            Self::Requeue => "dead",
            Self::Discard => "dead or quarantined",
        }
    }
}
