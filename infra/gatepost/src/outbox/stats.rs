//! `gatepost outbox stats`: the numbers of pending and dead events, and the age of the oldest.

use clap::Args;
use domain::Timestamp;
use events::GRACE;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use store::{Outbox, OutboxItem, State, StoreError, Waiting};

use super::Deployment;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report, moment, spoken},
};

/// Shards that are read concurrently.
const AT_ONCE: usize = 16;

/// The counts of one shard of the index, or of all.
#[derive(Default)]
struct Counts {
    pending: u64,
    /// Pending events that the sweeper has postponed.
    postponed: u64,
    /// Pending events that the sweeper should have published.
    overdue: u64,
    dead: u64,
    oldest: Option<Timestamp>,
}

#[derive(Args)]
pub(crate) struct Stats {
    /// Read the whole table, and also count delivered, discarded, quarantined and unreadable events
    #[arg(long)]
    exact: bool,
}

impl Stats {
    pub(crate) async fn run(&self, deployment: &Deployment, report: &Report) -> Result<ExitCode, CliError> {
        let (outbox, now) = (&deployment.outbox, deployment.clock().now());
        let shards = stream::iter(Outbox::shards()).map(|shard| count(outbox, shard, now)).buffered(AT_ONCE);
        let shards: Vec<Counts> = shards.try_collect().await?;
        let total = shards.iter().fold(Counts::default(), Counts::plus);
        let states = if self.exact { Some(count_states(outbox).await?) } else { None };

        let age = total.oldest.map(|oldest| now.since(oldest));
        report.line(&format!("pending   {:>9}", total.pending));
        report.line(&format!("  postponed {:>7}", total.postponed));
        report.line(&format!("  overdue   {:>7}", total.overdue));
        report.line(&format!("  oldest    {:>7}", age.map_or_else(|| "-".to_owned(), spoken)));
        report.line(&format!("dead      {:>9}", total.dead));
        for (state, count) in states.iter().flatten().skip(2) {
            report.line(&format!("{state:<12} {count:>6}"));
        }
        let shards = shards.iter().map(|shard| json!({"pending": shard.pending, "dead": shard.dead}));
        let mut document = json!({
            "pending": total.pending, "postponed": total.postponed, "overdue": total.overdue, "dead": total.dead,
            "oldest_pending_at": moment(total.oldest), "oldest_pending_seconds": age.map(|age| age.as_secs()),
            "shards": shards.collect::<Vec<_>>(),
        });
        if let Some(states) = states {
            document["exact"] = states
                .into_iter()
                .map(|(state, count)| (state.to_owned(), count.into()))
                .collect::<serde_json::Map<_, Value>>()
                .into();
        }
        report.document(document);
        Ok(ExitCode::Done)
    }
}

async fn count(outbox: &Outbox, shard: u32, now: Timestamp) -> Result<Counts, StoreError> {
    let mut counts = Counts::default();
    let mut start = None;
    loop {
        let page = outbox.indexed(shard, State::Pending, None, start).await?;
        page.items.iter().for_each(|waiting| counts.add(waiting, now));
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    loop {
        let page = outbox.indexed(shard, State::Dead, None, start).await?;
        counts.dead += page.items.len() as u64;
        start = page.next;
        if start.is_none() {
            return Ok(counts);
        }
    }
}

impl Counts {
    fn add(&mut self, waiting: &Waiting, now: Timestamp) {
        self.pending += 1;
        self.postponed += u64::from(waiting.due_at > waiting.created_at);
        self.overdue += u64::from(waiting.due_at.plus(GRACE) < now);
        self.oldest = self.oldest.into_iter().chain([waiting.created_at]).min();
    }

    fn plus(mut self, other: &Self) -> Self {
        self.pending += other.pending;
        self.postponed += other.postponed;
        self.overdue += other.overdue;
        self.dead += other.dead;
        self.oldest = self.oldest.into_iter().chain(other.oldest).min();
        self
    }
}

/// Counts the items of each kind in the table.
async fn count_states(outbox: &Outbox) -> Result<[(&'static str, u64); 6], StoreError> {
    let names = ["pending", "dead", "delivered", "discarded", "quarantined", "unreadable"];
    let mut counts = names.map(|name| (name, 0));
    let progress = Progress::of("items");
    let mut start = None;
    loop {
        let page = outbox.scan(start).await?;
        progress.add(page.items.len());
        for entry in &page.items {
            let kind = match entry {
                OutboxItem::Event(event) => event.state.name(),
                OutboxItem::Quarantined { is_discarded: false, .. } => "quarantined",
                OutboxItem::Unreadable { .. } => "unreadable",
                OutboxItem::Quarantined { .. } | OutboxItem::Internal => continue,
            };
            counts.iter_mut().filter(|(name, _)| *name == kind).for_each(|(_, count)| *count += 1);
        }
        start = page.next;
        if start.is_none() {
            return Ok(counts);
        }
    }
}
