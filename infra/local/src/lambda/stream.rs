//! What Lambda does between a table's stream and a function: reads in order, filters, calls, and
//! goes on only from what was handled.

use std::{sync::Arc, time::Duration};

use dynoxide::{
    DynoxideError,
    actions::{get_records::GetRecordsRequest, get_shard_iterator::GetShardIteratorRequest},
    streams,
};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::Instant};

use super::{
    batch::{Batch, Outcome, Step, outcome},
    host::Host,
    limits::InvocationType,
};
use crate::{
    aws::{Services, dynamodb::Tables},
    storage::Change,
    template::{REGION, StreamSource, arn_of},
};

/// The longest wait between two attempts at one batch.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Records of one read.
const MOST_RECORDS: usize = 1000;

/// Reads one table's stream for one function.
pub(crate) struct StreamReader {
    services: Arc<Services>,
    /// Which of the template's sources.
    source: usize,
    checkpoint: String,
    /// Held while a batch is handled: one at a time.
    position: Mutex<Position>,
}

struct Position {
    /// The last record that was handled; none yet at first.
    after: Option<String>,
    batch_size: usize,
    failures: u32,
    ready_at: Instant,
}

/// One record as Lambda's event has it, with its sequence number.
#[derive(Clone, Debug)]
pub struct StreamRecord {
    /// Its position in the stream.
    pub sequence: String,
    /// What Lambda's event holds of it.
    pub event: Value,
}

impl StreamReader {
    pub(crate) fn open(source: usize, services: &Arc<Services>) -> Result<Self, DynoxideError> {
        let services = Arc::clone(services);
        let StreamSource { function, table, batch_size, .. } = &services.template.streams[source];
        let (checkpoint, batch_size) = (format!("checkpoint/{function}/{table}"), *batch_size);
        let kept = services.journal.read(&checkpoint)?.remove(&0);
        let after = kept.and_then(|entry| Some(entry["after"].as_str()?.to_owned()));
        let position = Position { after, batch_size, failures: 0, ready_at: Instant::now() };
        Ok(Self { services, source, checkpoint, position: Mutex::new(position) })
    }

    /// Handles the next batch, if there is one; after a failure only once it is due, or `early`.
    pub(crate) async fn step(&self, host: &Host, early: bool) -> Step {
        let mut position = self.position.lock().await;
        if !early && position.ready_at > Instant::now() {
            return Step::Waits(position.ready_at);
        }
        let source = &self.services.template.streams[self.source];
        let (table, after, limit) = (source.table.clone(), position.after.clone(), position.batch_size);
        let records =
            self.services.run(move |services| records(&services.tables, &table, after, limit)).await;
        let records = match records {
            Ok(Ok(records)) => records,
            Ok(Err(error)) => return position.failed(host, &format!("the stream cannot be read: {error}")),
            Err(broken) => return position.failed(host, &broken.to_string()),
        };
        let Some(mut last) = records.last().map(|record| record.sequence.clone()) else { return Step::Idle };
        let mut wanted: Vec<_> =
            records.into_iter().filter(|record| is_wanted(source, &record.event)).collect();
        if wanted.is_empty() {
            // Not worth a write: these are skipped again after a restart.
            position.after = Some(last);
            return Step::Moved;
        }
        let batch = Batch::of(wanted.iter().map(|record| record.event.to_string()));
        if batch.records < wanted.len() {
            wanted.truncate(batch.records);
            last.clone_from(&wanted[batch.records - 1].sequence);
        }
        let answer = host.invoke(&source.function, InvocationType::RequestResponse, batch.event).await;
        let ids: Vec<&str> = wanted.iter().map(|record| record.sequence.as_str()).collect();
        match outcome(answer, &ids, source.reports_failures) {
            Outcome::Handled => {
                position.batch_size = source.batch_size;
                self.advance(host, &mut position, last).await
            }
            Outcome::Failed(positions) if positions.first() != Some(&0) => {
                // Up to the first failure all is done.
                let first = positions.first().copied().unwrap_or(0);
                let handled = wanted[first - 1].sequence.clone();
                self.advance(host, &mut position, handled).await;
                position.failed(host, &format!("{} failed at a record", source.function))
            }
            Outcome::Failed(_) => position.failed(host, &format!("{} failed at a record", source.function)),
            Outcome::Unanswered(why) => {
                if source.bisects {
                    position.batch_size = (wanted.len() / 2).max(1);
                }
                position.failed(host, &why)
            }
        }
    }

    async fn advance(&self, host: &Host, position: &mut Position, handled: String) -> Step {
        let change =
            Change::Put { list: self.checkpoint.clone(), number: 0, entry: json!({"after": handled}) };
        let kept = self.services.run(move |services: &Services| services.journal.commit(vec![change])).await;
        match kept {
            Ok(Ok(())) => {
                position.after = Some(handled);
                position.failures = 0;
                Step::Moved
            }
            _ => position.failed(host, "the checkpoint cannot be kept"),
        }
    }
}

impl Position {
    fn failed(&mut self, host: &Host, why: &str) -> Step {
        let wait = Duration::from_millis(100) * 2_u32.saturating_pow(self.failures.min(16));
        self.failures += 1;
        self.ready_at = Instant::now() + wait.min(LONGEST_WAIT);
        host.report_trouble(why);
        Step::Failed(why.to_owned())
    }
}

fn is_wanted(source: &StreamSource, event: &Value) -> bool {
    source.filters.is_empty() || source.filters.iter().any(|filter| filter.matches(event))
}

/// All records after a position that the source's filter lets through.
pub(crate) fn wanted(
    tables: &Tables,
    source: &StreamSource,
    after: Option<&str>,
) -> Result<Vec<StreamRecord>, DynoxideError> {
    let (mut found, mut after) = (Vec::new(), after.map(str::to_owned));
    loop {
        let page = records(tables, &source.table, after, MOST_RECORDS)?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.sequence.clone());
        found.extend(page.into_iter().filter(|record| is_wanted(source, &record.event)));
    }
}

fn records(
    tables: &Tables,
    table: &str,
    after: Option<String>,
    limit: usize,
) -> Result<Vec<StreamRecord>, DynoxideError> {
    let database = tables.database();
    let request = GetShardIteratorRequest {
        stream_arn: streams::stream_arn(table, "local"),
        shard_id: streams::shard_id(table),
        shard_iterator_type: if after.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" }
            .to_owned(),
        sequence_number: after,
    };
    let shard_iterator = database.get_shard_iterator(request)?.shard_iterator.unwrap_or_default();
    let found = database.get_records(GetRecordsRequest { shard_iterator, limit: Some(limit) })?;
    let source_arn = format!("{}/stream/local", arn_of("AWS::DynamoDB::Table", table));
    Ok(found
        .records
        .into_iter()
        .map(|record| {
            let sequence = record.dynamodb.sequence_number.clone();
            let mut event = serde_json::to_value(record).unwrap_or_default();
            event["awsRegion"] = REGION.into();
            event["eventSourceARN"] = source_arn.clone().into();
            StreamRecord { sequence, event }
        })
        .collect())
}
