//! The publisher: a few concurrent calls, each stream in order, with every entry of a response checked.

use std::{collections::HashSet, pin::Pin, time::Duration};

use cloud::{Clock, Cloud, Deadline, Random, SettingError, chain};
use futures_util::{StreamExt, stream::FuturesUnordered};
use store::{EventKey, Outbox, PendingEvent};
use tokio::{
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::{
    backoff::{doubled, full_jitter},
    bus::{Bus, Verdict},
    waves::{Flight, MAX_ENTRIES, Waves},
};

/// Concurrent calls and concurrent marks. There are as many marks as entries in flight, so that the writes
/// keep up with the bus.
const CALLS: usize = 4;
const MARKS: usize = CALLS * MAX_ENTRIES;
/// Attempts of one event, with full jitter below 0.05, 0.1, … 5 s: about ten seconds in total.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// The time of a call and the marks after it. With less time left, no call is started.
const CALL_TIME: Duration = Duration::from_secs(3);
/// Kept back for the response after the last mark.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Publishes events and records the outcome in the outbox.
#[derive(Clone, Debug)]
pub struct Publisher {
    bus: Bus,
    outbox: Outbox,
    clock: Clock,
    random: Random,
}

/// The outcome of publishing. An event that is not listed was not tried, or waits for an earlier one.
#[derive(Debug, Default)]
pub struct Report {
    /// Events that the bus accepted. If marking one fails, it is published again.
    pub delivered: HashSet<EventKey>,
    /// Accepted events whose mark was lost, so that they look pending.
    pub unmarked: HashSet<EventKey>,
    /// Events that the bus refuses permanently. An operator decides about them.
    pub dead: HashSet<EventKey>,
    /// Events that the bus refused repeatedly, with the last code. Later events of their streams were not
    /// tried.
    pub failed: Vec<(PendingEvent, String)>,
    /// The reason why publishing stopped early, if it did.
    pub stopped: Option<Stop>,
}

/// The reason why publishing stopped, with the bus's error code. No event is the cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The bus refuses all events for now.
    Unavailable(String),
    /// The bus refuses all events until an operator repairs the deployment.
    Refused(String),
}

impl Report {
    /// Returns whether an event needs nothing further.
    #[must_use]
    pub fn is_settled(&self, key: &EventKey) -> bool {
        self.delivered.contains(key) || self.dead.contains(key)
    }
}

impl Publisher {
    /// Creates a publisher for the bus in the setting `EVENT_BUS`.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, outbox: Outbox) -> Result<Self, SettingError> {
        Ok(Self { bus: Bus::new(cloud)?, outbox, clock: cloud.clock(), random: cloud.random() })
    }

    /// Publishes events, each stream in order, and retries failures until `deadline` is near. An event is
    /// published before its predecessor is marked. A lost mark can therefore duplicate an event, but never
    /// reorder two.
    pub async fn publish(&self, events: Vec<PendingEvent>, deadline: Deadline) -> Report {
        let marks = Semaphore::new(MARKS);
        let mut run = Run {
            publisher: self,
            deadline,
            marks: &marks,
            waves: Waves::of(events),
            calls: 0,
            tasks: FuturesUnordered::new(),
            report: Report::default(),
        };
        run.start_calls();
        while let Some(done) = run.tasks.next().await {
            run.take(done);
            run.start_calls();
        }
        run.report
    }

    async fn call(&self, flights: Vec<Flight>) -> Done {
        let verdicts = self.bus.put(flights.iter().map(|flight| &flight.event)).await;
        Done::Answered(flights.into_iter().zip(verdicts).collect())
    }

    async fn mark(&self, flight: Flight, verdict: Verdict, turn: &Semaphore, deadline: Deadline) -> Done {
        let (event, now) = (&flight.event, self.clock.now());
        let write = async {
            // The semaphore is never closed. If it were, only the limit of concurrent marks would be lost.
            let _turn = turn.acquire().await;
            match &verdict {
                Verdict::Accepted(id) => self.outbox.delivered(&event.key, id, now).await,
                Verdict::Poison(code) => self.outbox.dead(&event.key, code, now).await,
                _ => Ok(()),
            }
        };
        let written = timeout(deadline.left().saturating_sub(ANSWER_TIME), write).await;
        let cause = match written {
            Ok(Ok(())) => return Done::Marked,
            Ok(Err(failure)) => chain(&failure),
            Err(_) => "out of time".to_owned(),
        };
        tracing::warn!(
            event_id = event.event_id,
            cause,
            "failed to mark an event, it will be published again"
        );
        Done::Unmarked(flight.event.key)
    }
}

/// One run of [`Publisher::publish`].
struct Run<'a> {
    publisher: &'a Publisher,
    deadline: Deadline,
    marks: &'a Semaphore,
    waves: Waves,
    /// The number of running calls.
    calls: usize,
    tasks: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send + 'a>>>,
    report: Report,
}

/// A completed task of the run.
enum Done {
    Answered(Vec<(Flight, Verdict)>),
    Rested(Flight),
    Marked,
    Unmarked(EventKey),
}

impl Run<'_> {
    fn start_calls(&mut self) {
        let publisher = self.publisher;
        while self.report.stopped.is_none() && self.calls < CALLS && self.deadline.left() > CALL_TIME {
            let flights = self.waves.next_call();
            if flights.is_empty() {
                return;
            }
            self.calls += 1;
            self.tasks.push(Box::pin(publisher.call(flights)));
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Marked => {}
            Done::Unmarked(key) => drop(self.report.unmarked.insert(key)),
            Done::Rested(flight) => self.waves.again(flight),
            Done::Answered(entries) => {
                self.calls -= 1;
                for (flight, verdict) in entries {
                    self.conclude(flight, verdict);
                }
            }
        }
    }

    fn conclude(&mut self, flight: Flight, verdict: Verdict) {
        match verdict {
            Verdict::Accepted(_) => {
                let lag = self.publisher.clock.now().since(flight.event.created_at);
                cloud::put_longest("RelayLag", lag);
                self.report.delivered.insert(flight.event.key.clone());
                self.land(flight, verdict);
            }
            Verdict::Poison(ref code) => {
                let event_id = flight.event.event_id.as_str();
                tracing::error!(event_id, code, "the bus refuses an event permanently, it is dead");
                self.report.dead.insert(flight.event.key.clone());
                self.land(flight, verdict);
            }
            Verdict::Crowded => self.waves.again(flight.alone()),
            Verdict::Failed(code) => {
                if let Some(flight) = self.let_rest(flight) {
                    self.report.failed.push((flight.event, code));
                }
            }
            Verdict::Busy(code) => {
                if self.let_rest(flight).is_some() {
                    self.stop(Stop::Unavailable(code));
                }
            }
            Verdict::Systemic(code) => self.stop(Stop::Refused(code)),
        }
    }

    /// Releases the next event of the stream while this one is marked.
    fn land(&mut self, flight: Flight, verdict: Verdict) {
        self.waves.landed(&flight);
        self.tasks.push(Box::pin(self.publisher.mark(flight, verdict, self.marks, self.deadline)));
    }

    /// Delays an event before its next attempt. Returns it if it has no attempts or no time left, which
    /// blocks its stream.
    fn let_rest(&mut self, flight: Flight) -> Option<Flight> {
        let attempts = flight.attempts + 1;
        let bound = doubled(FIRST_PAUSE, flight.attempts, LONGEST_PAUSE);
        let pause = full_jitter(bound, &self.publisher.random);
        if attempts >= ATTEMPTS || self.deadline.left() <= pause + CALL_TIME {
            return Some(flight);
        }
        self.tasks.push(Box::pin(async move {
            sleep(pause).await;
            Done::Rested(flight.after(attempts))
        }));
        None
    }

    /// Starts no further calls. Running ones complete.
    fn stop(&mut self, stop: Stop) {
        if self.report.stopped.is_none() {
            tracing::error!(reason = ?stop, "publishing stopped");
            self.report.stopped = Some(stop);
        }
    }
}
