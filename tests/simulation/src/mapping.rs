//! What Lambda does between the stream and the relay, with all that the documentation permits: repeats,
//! another order, pauses, batches of any size, and a memory of a day.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use local::StreamRecord;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{lambda::Lambda, play::Play};

/// The template's `BatchSize`.
const BATCH: usize = 100;
/// Between a write and the reading of it.
const POLL: Duration = Duration::from_millis(200);
/// Somebody may write when nobody sees it.
const LOOK: Duration = Duration::from_mins(10);
/// The template's `MaximumRecordAgeInSeconds`: what fails for longer is given up.
const GIVEN_UP_AFTER: u64 = 6 * 3_600_000;
/// What a stream remembers.
const FORGOTTEN_AFTER: u64 = 24 * 3_600_000;

/// What a fault is called that only the sweeper can heal.
pub(crate) const FORGOTTEN: &str = "record forgotten or given up";

/// The stream of one table.
pub(crate) struct Stream {
    lambda: Arc<Lambda>,
    play: Arc<Play>,
    shard: Mutex<Shard>,
}

#[derive(Default)]
struct Shard {
    /// Everything that was written, and when it was seen.
    records: Vec<(u64, StreamRecord)>,
    /// The last record that was read, in the order of the table.
    last: Option<String>,
    /// How far the first mapping has come.
    done: usize,
    /// What was ordered: back by so many, whether to shuffle, the largest batch and until when, not
    /// before when.
    back: usize,
    shuffles: bool,
    small: (usize, u64),
    cut_off_until: u64,
}

impl Stream {
    /// The stream from here on: what the tables hold already is in no record.
    pub(crate) fn new(lambda: Arc<Lambda>, play: Arc<Play>) -> Self {
        let stream = Self { lambda, play, shard: Mutex::default() };
        stream.read();
        stream.shard().records.clear();
        stream
    }

    fn shard(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn go_back(&self, records: usize) {
        self.shard().back = records;
        self.play.written.notify_waiters();
    }

    pub(crate) fn shuffle(&self) {
        self.shard().shuffles = true;
    }

    pub(crate) fn small_batches(&self, size: usize, until: u64) {
        self.shard().small = (size, until);
    }

    pub(crate) fn cut_off(&self, until: u64) {
        let mut shard = self.shard();
        shard.cut_off_until = until.max(shard.cut_off_until);
    }

    /// Everything is as it should be.
    pub(crate) fn mend(&self) {
        let mut shard = self.shard();
        (shard.back, shard.shuffles, shard.small, shard.cut_off_until) = Default::default();
        self.play.written.notify_waiters();
    }

    /// Whether all that was written was handled or given up.
    pub(crate) fn is_dry(&self) -> bool {
        self.read();
        let shard = self.shard();
        shard.done == shard.records.len()
    }

    /// Takes what is new from the table.
    fn read(&self) {
        let now = self.play.now();
        let mut shard = self.shard();
        let new = self.lambda.stack.stream_records("relay-events", shard.last.as_deref()).unwrap_or_default();
        shard.last = new.last().map(|record| record.sequence.clone()).or(shard.last.take());
        shard.records.extend(new.into_iter().map(|record| (now, record)));
        let unread = shard.done..shard.records.len();
        if shard.shuffles && unread.len() > 1 {
            shard.shuffles = false;
            Rng::with_seed(now).shuffle(&mut shard.records[unread]);
            drop(shard);
            self.play.faults().strike("records reordered");
        }
    }

    /// Reads for the relay, until it is stopped.
    pub(crate) async fn feed(&self) {
        let mut reader = Reader { at: self.shard().done, batch: BATCH, failures: 0, is_first: true };
        loop {
            self.step(&mut reader).await;
        }
    }

    /// Reads for a second relay.
    pub(crate) async fn feed_another(&self, back: usize, time: Duration) {
        self.play.faults().strike("two relays at once");
        let at = self.shard().done.saturating_sub(back);
        let mut reader = Reader { at, batch: BATCH, failures: 0, is_first: false };
        let reading = async {
            loop {
                self.step(&mut reader).await;
            }
        };
        // What it is doing then is cut off as well.
        let _ = timeout(time, Box::pin(reading)).await;
    }

    async fn step(&self, reader: &mut Reader) {
        let written = self.play.written.notified();
        self.read();
        let Some((from, batch)) = self.next_batch(reader) else {
            let wait = self.shard().cut_off_until.saturating_sub(self.play.now());
            if wait > 0 {
                sleep(Duration::from_millis(wait)).await;
            } else {
                let _ = timeout(LOOK, written).await;
                sleep(POLL).await;
            }
            return;
        };
        let records: Vec<&Value> = batch.iter().map(|record| &record.event).collect();
        let answer = self.lambda.invoke("relay-events", json!({"Records": records}).to_string()).await;
        self.conclude(reader, from, &batch, answer.as_ref());
        if reader.failures > 0 {
            let pause = Duration::from_millis(500) * 2_u32.pow(reader.failures.min(7));
            sleep(pause).await;
        }
    }

    /// Where the next batch begins, and its records.
    fn next_batch(&self, reader: &mut Reader) -> Option<(usize, Vec<StreamRecord>)> {
        let now = self.play.now();
        let (mut shard, mut struck) = (self.shard(), Vec::new());
        if now < shard.cut_off_until {
            struck.push("stream cut off");
            drop(shard);
            self.strike(&struck);
            return None;
        }
        while shard.records.get(reader.at).is_some_and(|(seen, _)| {
            now - seen > FORGOTTEN_AFTER || (reader.failures > 0 && now - seen > GIVEN_UP_AFTER)
        }) {
            reader.at += 1;
            struck.push(FORGOTTEN);
        }
        let mut from = reader.at;
        if reader.is_first {
            from = from.saturating_sub(std::mem::take(&mut shard.back));
            struck.extend((from..reader.at).map(|_| "record repeated"));
            shard.done = shard.done.max(reader.at);
        }
        let most = if now < shard.small.1 { shard.small.0 } else { BATCH };
        let until = (from + most.min(reader.batch)).min(shard.records.len());
        let batch: Vec<_> =
            shard.records[from.min(until)..until].iter().map(|(_, record)| record.clone()).collect();
        drop(shard);
        self.strike(&struck);
        (!batch.is_empty()).then_some((from, batch))
    }

    /// Goes on from what was handled: `ReportBatchItemFailures`, and halves if there is no answer.
    fn conclude(&self, reader: &mut Reader, from: usize, batch: &[StreamRecord], answer: Option<&Value>) {
        let first_failed = if let Some(answer) = answer {
            let failed = |record: &StreamRecord| {
                let failures = answer["batchItemFailures"].as_array();
                failures.is_some_and(|failures| {
                    failures.iter().any(|failure| failure["itemIdentifier"] == *record.sequence)
                })
            };
            batch.iter().position(failed)
        } else {
            reader.batch = (batch.len() / 2).max(1);
            Some(0)
        };
        self.play.write(&format!("relay {from} {} {first_failed:?}", batch.len()));
        match first_failed {
            None => (reader.batch, reader.failures) = (BATCH, 0),
            Some(_) => reader.failures += 1,
        }
        reader.at = (from + first_failed.unwrap_or(batch.len())).max(reader.at);
        if reader.is_first {
            let mut shard = self.shard();
            shard.done = shard.done.max(reader.at);
        }
    }

    fn strike(&self, kinds: &[&str]) {
        let mut faults = self.play.faults();
        for kind in kinds {
            faults.strike(kind);
        }
    }
}

/// One mapping.
struct Reader {
    /// The next record.
    at: usize,
    batch: usize,
    failures: u32,
    /// Whether it is the one that is deployed.
    is_first: bool,
}
