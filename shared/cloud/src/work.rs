//! The work of an invocation, for its log line. It is available everywhere within the invocation without
//! being passed on. Outside of an invocation, records are dropped.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use domain::UserId;
use serde_json::Value;
use tokio::time::Instant;

use crate::{Deadline, Metric, Unit};

tokio::task_local! {
    static WORK: Arc<Work>;
}

/// The outcome of a request.
#[derive(Clone, Debug)]
pub struct Answered {
    /// The route of the use case. Other paths are not logged, because the client writes them.
    pub route: String,
    /// The HTTP status.
    pub status: u16,
    /// The slug of the problem, if the request was refused.
    pub problem: Option<&'static str>,
    /// The keyed hash of the address in a refused request, if its user is unknown.
    pub address_hash: Option<String>,
    /// The keyed hash of the source of a refused request.
    pub source_hash: Option<String>,
    /// The correlation id of the request.
    pub correlation_id: String,
    /// The id of the trace in W3C Trace Context: 32 hexadecimal digits.
    pub trace_id: String,
}

/// The work of one invocation so far.
pub(crate) struct Work {
    pub(crate) deadline: Deadline,
    done: Mutex<Done>,
}

#[derive(Clone, Default)]
pub(crate) struct Done {
    pub(crate) answered: Option<Answered>,
    pub(crate) user: Option<UserId>,
    pub(crate) metrics: BTreeMap<&'static str, (Unit, u64)>,
    pub(crate) calls: Calls,
    units: Units,
}

/// The calls of AWS.
#[derive(Clone, Default)]
pub(crate) struct Calls {
    pub(crate) made: u64,
    pub(crate) retries: u64,
    /// The number of calls in sequence: overlapping calls count as one.
    pub(crate) round_trips: u64,
    /// The time, which ticks at each beginning and end of a call.
    ticks: u64,
    /// The time at which the last round trip ended.
    free_from: u64,
}

/// The capacity units that DynamoDB has reported.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Units {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

/// A running call. It ends when this is dropped: with its response, or when its caller stops waiting.
pub(crate) struct UnderWay {
    work: Arc<Work>,
    began: u64,
}

/// Records the outcome of the invocation's request, once.
pub fn put_answer(answered: Answered) {
    note(|done| done.answered = Some(answered));
}

/// Records the user of the invocation.
pub fn put_user(user: UserId) {
    note(|done| done.user = Some(user));
}

/// Adds a duration to the metric `name`.
pub fn put_time(name: &'static str, time: Duration) {
    note(|done| done.add(name, Unit::Milliseconds, u64::try_from(time.as_millis()).unwrap_or(u64::MAX)));
}

/// Records the longest of several durations in an invocation.
pub fn put_longest(name: &'static str, time: Duration) {
    let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    note(|done| {
        let (_, longest) = done.metrics.entry(name).or_insert((Unit::Milliseconds, 0));
        *longest = time.max(*longest);
    });
}

/// Adds a number to the metric `name`.
pub fn put_count(name: &'static str, count: u64) {
    note(|done| done.add(name, Unit::Count, count));
}

/// Adds the capacity units that DynamoDB has reported.
pub fn put_units(units: Units) {
    note(|done| {
        done.units.read += units.read;
        done.units.write += units.write;
    });
}

/// Runs `work`, and adds its duration to the metric `name`.
pub async fn timed<T>(name: &'static str, work: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let output = work.await;
    put_time(name, began.elapsed());
    output
}

fn note(note: impl FnOnce(&mut Done)) {
    // Outside of an invocation there is nothing to record.
    let _ = WORK.try_with(|work| note(&mut work.done()));
}

impl Work {
    pub(crate) fn new(deadline: Deadline) -> Arc<Self> {
        Arc::new(Self { deadline, done: Mutex::default() })
    }

    pub(crate) fn current() -> Option<Arc<Self>> {
        WORK.try_with(Arc::clone).ok()
    }

    pub(crate) async fn scope<T>(self: Arc<Self>, invocation: impl Future<Output = T>) -> T {
        WORK.scope(self, invocation).await
    }

    pub(crate) fn begin_call(self: &Arc<Self>, is_retry: bool) -> UnderWay {
        let calls = &mut self.done().calls;
        calls.made += 1;
        calls.retries += u64::from(is_retry);
        UnderWay { work: Arc::clone(self), began: calls.tick() }
    }

    pub(crate) fn so_far(&self) -> Done {
        self.done().clone()
    }

    fn done(&self) -> MutexGuard<'_, Done> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Done {
    pub(crate) fn add(&mut self, name: &'static str, unit: Unit, value: u64) {
        let (_, sum) = self.metrics.entry(name).or_insert((unit, 0));
        *sum = sum.saturating_add(value);
    }

    /// Returns the known fields by name.
    pub(crate) fn facts(&self) -> BTreeMap<&'static str, Value> {
        let answered = self.answered.iter().flat_map(|answered| {
            let always = [
                ("route", Some(answered.route.clone().into())),
                ("status", Some(answered.status.into())),
                ("correlation_id", Some(answered.correlation_id.clone().into())),
                ("trace_id", Some(answered.trace_id.clone().into())),
            ];
            let hashes = [
                ("address_hash", answered.address_hash.clone().filter(|_| self.user.is_none())),
                ("source_hash", answered.source_hash.clone()),
            ];
            let hashes = hashes.map(|(name, hash)| (name, hash.map(Value::from)));
            always.into_iter().chain(hashes).chain([("problem", answered.problem.map(Value::from))])
        });
        let units = [("read_units", self.units.read), ("write_units", self.units.write)];
        let units = units.map(|(name, units)| (name, (units > 0.0).then(|| units.into())));
        let always = [
            ("user_id", self.user.map(|user| user.to_string().into())),
            ("calls", Some(self.calls.made.into())),
            ("round_trips", Some(self.calls.round_trips.into())),
        ];
        let facts = answered.chain(always).chain(units);
        facts.filter_map(|(name, value)| value.map(|value| (name, value))).collect()
    }

    pub(crate) fn metrics(&self) -> Vec<Metric> {
        let metric = |(name, (unit, value)): (&&'static str, &(Unit, u64))| Metric {
            name,
            unit: *unit,
            value: *value,
            by_function: false,
        };
        self.metrics.iter().map(metric).collect()
    }
}

impl Calls {
    fn tick(&mut self) -> u64 {
        self.ticks += 1;
        self.ticks
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let calls = &mut self.work.done().calls;
        let now = calls.tick();
        if self.began >= calls.free_from {
            calls.round_trips += 1;
            calls.free_from = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn overlapping_calls_are_one_round_trip() {
        let work = Work::new(Deadline::after(Duration::from_secs(1)));

        let (one, other) = (work.begin_call(false), work.begin_call(false));
        drop(one);
        let third = work.begin_call(true);
        drop(other);
        drop(third);

        let calls = work.so_far().calls;
        assert_eq!((calls.made, calls.retries, calls.round_trips), (3, 1, 2));
    }

    #[tokio::test]
    async fn records_belong_to_their_own_invocation() {
        let (one, other) = [(); 2].map(|()| Work::new(Deadline::after(Duration::from_secs(1)))).into();

        tokio::join!(
            Arc::clone(&one).scope(async { put_count("Conflicts", 2) }),
            Arc::clone(&other).scope(async { put_count("Conflicts", 3) })
        );
        put_count("Conflicts", 100);

        let of = |work: Arc<Work>| work.so_far().metrics["Conflicts"].1;
        assert_eq!((of(one), of(other)), (2, 3));
    }
}
