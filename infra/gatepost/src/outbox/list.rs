//! `gatepost outbox list`: pending and dead events, with their errors.

use clap::{Args, ValueEnum, value_parser};
use domain::{Timestamp, UserId};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use store::{EventKey, Outbox, OutboxItem, State, StoreError, StoredEvent};

use super::Deployment;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report, moment, spoken},
};

/// Concurrent reads.
const AT_ONCE: usize = 16;

#[derive(Args)]
pub(crate) struct List {
    /// List events in this state; delivered and discarded ones in no order
    #[arg(long, value_enum, value_name = "STATE", default_value_t = ListedState::Pending)]
    state: ListedState,
    /// List the events of this user, in order
    #[arg(long, value_name = "ID")]
    user: Option<UserId>,
    /// The highest number of events to list
    #[arg(long, value_name = "N", default_value = "50", value_parser = value_parser!(u32).range(1..))]
    limit: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum ListedState {
    Pending,
    Dead,
    Delivered,
    Discarded,
    Quarantined,
}

impl ListedState {
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => State::Pending.name(),
            Self::Dead => State::Dead.name(),
            Self::Delivered => State::Delivered.name(),
            Self::Discarded => State::Discarded.name(),
            Self::Quarantined => "quarantined",
        }
    }
}

impl List {
    pub(crate) async fn run(&self, deployment: &Deployment, report: &Report) -> Result<ExitCode, CliError> {
        let (state, limit) = (self.state.name(), self.limit as usize);
        // One more, to know whether others follow.
        let mut found = self.find(&deployment.outbox, limit + 1).await?;
        let has_more = found.len() > limit;
        found.truncate(limit);

        let now = deployment.clock().now();
        for entry in &found {
            report.line(&line(entry, now));
        }
        report.line(&if has_more {
            format!("only the first {limit} are shown")
        } else {
            format!("{} {state}", found.len())
        });
        report.document(json!({"events": found.iter().map(document).collect::<Vec<_>>(), "more": has_more}));
        Ok(ExitCode::Done)
    }

    async fn find(&self, outbox: &Outbox, limit: usize) -> Result<Vec<OutboxItem>, StoreError> {
        match (self.user, self.state) {
            (Some(user), state) => read(outbox, Some(&format!("user#{user}")), state.name(), limit).await,
            (None, ListedState::Pending) => indexed(outbox, State::Pending, limit).await,
            (None, ListedState::Dead) => indexed(outbox, State::Dead, limit).await,
            (None, state) => read(outbox, None, state.name(), limit).await,
        }
    }
}

/// Returns the first events of the index, as they are in the table.
async fn indexed(outbox: &Outbox, state: State, limit: usize) -> Result<Vec<OutboxItem>, StoreError> {
    let mut waiting = Vec::new();
    for shard in Outbox::shards() {
        let (mut start, before) = (None, waiting.len());
        loop {
            let page = outbox.indexed(shard, state, None, start).await?;
            waiting.extend(page.items);
            start = page.next;
            if start.is_none() || waiting.len() - before >= limit {
                break;
            }
        }
    }
    waiting.sort_by_key(|waiting| waiting.due_at);
    let reads = waiting.into_iter().take(limit).map(|waiting| async move { outbox.item(&waiting.key).await });
    let entries: Vec<Option<OutboxItem>> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
    // The index is eventually consistent: an event may have been delivered. Unreadable events are listed.
    let is_wanted = |entry: &OutboxItem| !matches!(entry, OutboxItem::Event(event) if event.state != state);
    Ok(entries.into_iter().flatten().filter(is_wanted).collect())
}

/// Returns the first events of a stream, or of the whole table.
async fn read(
    outbox: &Outbox,
    stream: Option<&str>,
    state: &str,
    limit: usize,
) -> Result<Vec<OutboxItem>, StoreError> {
    let progress = Progress::of("items");
    let (mut found, mut start) = (Vec::new(), None);
    loop {
        let page = match stream {
            Some(stream) => outbox.history(stream, start).await?,
            None => outbox.scan(start).await?,
        };
        progress.add(page.items.len());
        found.extend(page.items.into_iter().filter(|entry| state_of(entry) == Some(state)));
        start = page.next;
        if start.is_none() || found.len() >= limit {
            found.truncate(limit);
            return Ok(found);
        }
    }
}

fn state_of(entry: &OutboxItem) -> Option<&'static str> {
    match entry {
        OutboxItem::Event(event) => Some(event.state.name()),
        OutboxItem::Quarantined { is_discarded: false, .. } => Some("quarantined"),
        _ => None,
    }
}

fn line(entry: &OutboxItem, now: Timestamp) -> String {
    let of = |EventKey { stream, sequence }: &EventKey, created_at| {
        format!("{stream} {sequence}  {} old", spoken(now.since(created_at)))
    };
    match entry {
        OutboxItem::Event(event @ StoredEvent { key, detail_type, created_at, .. }) => {
            let error = event.last_error.as_deref().unwrap_or("-");
            let tried = match event.attempts {
                0 => String::new(),
                attempts => format!("  {attempts} attempts, the last: {error}"),
            };
            format!("{}  {detail_type}{tried}", of(key, *created_at))
        }
        OutboxItem::Quarantined { key, created_at, .. } => of(key, *created_at),
        OutboxItem::Unreadable { stream, sequence, attribute } => {
            format!("{stream} {sequence}  its `{attribute}` cannot be read")
        }
        OutboxItem::Internal => String::new(),
    }
}

fn document(entry: &OutboxItem) -> Value {
    match entry {
        OutboxItem::Event(event) => json!({
            "stream": event.key.stream, "sequence": event.key.sequence, "state": event.state.name(),
            "event_id": event.event_id, "type": event.detail_type, "created_at": event.created_at.to_string(),
            "attempts": event.attempts, "last_error": event.last_error,
            "next_attempt_at": event.next_attempt_at.to_string(),
            "delivered_at": moment(event.delivered_at), "requeued_at": moment(event.requeued_at),
        }),
        OutboxItem::Quarantined { key, created_at, .. } => json!({
            "stream": key.stream, "sequence": key.sequence, "state": "quarantined",
            "created_at": created_at.to_string(),
        }),
        OutboxItem::Unreadable { stream, sequence, attribute } => json!({
            "stream": stream, "sequence": sequence, "state": "unreadable", "attribute": attribute,
        }),
        OutboxItem::Internal => Value::Null,
    }
}
