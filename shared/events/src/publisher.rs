//! Publishing: a few calls at once, each stream in order, every answer read entry by entry.

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

/// Calls at once, and marks at once: as many as there may be entries under way, so that the writes keep up
/// with the bus.
const CALLS: usize = 4;
const MARKS: usize = CALLS * MAX_ENTRIES;
/// Attempts of one event, with full jitter below 0.05, 0.1, … 5 s: some ten seconds in all.
const ATTEMPTS: u32 = 10;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What a call and the marks after it may take: less time left, and no call is begun.
const CALL_TIME: Duration = Duration::from_secs(3);
/// What is left for the answer after the last mark.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Publishes events and notes in the outbox what became of them.
#[derive(Clone, Debug)]
pub struct Publisher {
    bus: Bus,
    outbox: Outbox,
    clock: Clock,
    random: Random,
}

/// What became of the events that were to be published. One that is nowhere here was not tried, or
/// waits for one before it.
#[derive(Debug, Default)]
pub struct Report {
    /// The bus has taken these. Should the note of it be lost, one is published again.
    pub delivered: HashSet<EventKey>,
    /// Of these the note was lost: they look as if they were still waiting.
    pub unmarked: HashSet<EventKey>,
    /// The bus will never take these; an operator decides.
    pub dead: HashSet<EventKey>,
    /// The bus has refused these again and again, with this code at last, and so nothing after them
    /// in their streams was tried.
    pub failed: Vec<(PendingEvent, String)>,
    /// Why publishing stopped before all was tried, if it did.
    pub stopped: Option<Stop>,
}

/// Why nothing more was tried: nothing of it is any event's fault. Holds the bus's error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The bus takes nothing for now.
    Unavailable(String),
    /// The bus will take nothing until somebody repairs the deployment.
    Refused(String),
}

impl Report {
    /// Whether an event needs nothing more.
    #[must_use]
    pub fn is_settled(&self, key: &EventKey) -> bool {
        self.delivered.contains(key) || self.dead.contains(key)
    }
}

impl Publisher {
    /// Publishes to the bus that the setting `EVENT_BUS` names.
    ///
    /// # Errors
    /// If the setting is missing.
    pub fn new(cloud: &Cloud, outbox: Outbox) -> Result<Self, SettingError> {
        Ok(Self { bus: Bus::new(cloud)?, outbox, clock: cloud.clock(), random: cloud.random() })
    }

    /// Publishes events, each stream in order, and tries again what fails until `deadline` is near.
    /// An event goes out before the note on the one before it is written: a note that is lost means
    /// that an event is published twice, never that two change places.
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
            // The semaphore is never closed; were it, marks would only be less orderly.
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
        tracing::warn!(event_id = event.event_id, cause, "a mark was lost: the event will be tried again");
        Done::Unmarked(flight.event.key)
    }
}

/// One run of [`Publisher::publish`].
struct Run<'a> {
    publisher: &'a Publisher,
    deadline: Deadline,
    marks: &'a Semaphore,
    waves: Waves,
    /// How many calls are under way.
    calls: usize,
    tasks: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send + 'a>>>,
    report: Report,
}

/// Something that the run was waiting for.
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
                tracing::error!(event_id, code, "the bus will never take this event: it is dead");
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

    /// The next of its stream may fly while it is noted what became of this one.
    fn land(&mut self, flight: Flight, verdict: Verdict) {
        self.waves.landed(&flight);
        self.tasks.push(Box::pin(self.publisher.mark(flight, verdict, self.marks, self.deadline)));
    }

    /// Lets an event rest before it flies again. Returns it if it was tried often enough, or if
    /// there is no time left: its stream is blocked.
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

    /// What is under way ends; nothing more is begun.
    fn stop(&mut self, stop: Stop) {
        if self.report.stopped.is_none() {
            tracing::error!(reason = ?stop, "publishing stops");
            self.report.stopped = Some(stop);
        }
    }
}
