//! One history: what happens, until it is judged.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::json;
use tokio::time::{Instant, sleep, sleep_until};

use crate::{
    History, Outcome, System,
    check::{self, Invariant, Violation},
    deployment::{Deployment, Tables, put},
    history::{Fault, What},
    mapping::FORGOTTEN,
    play::Play,
    state::{State, TOO_LARGE, is_event_stream},
};

/// Sweeps after the faults: an event is put off by an hour at most, and dead after twenty attempts.
const MOST_SWEEPS: usize = 24;
const GRACE: Duration = Duration::from_mins(16);
const LONGEST_PAUSE: Duration = Duration::from_mins(61);
/// Minutes in which the mapping must come to its end.
const MOST_MINUTES: usize = 30;
/// Where a history is played.
pub(crate) struct Stage<'a> {
    play: Arc<Play>,
    system: &'a System,
    deployment: Deployment,
    epoch: u64,
    /// Tables to come back, and when; how many promises they know of.
    restores: Vec<(u64, Tables, usize)>,
    /// Everything that was ever committed, in tables that are gone.
    committed: BTreeSet<String>,
    /// The events of those who were erased, or were to be, in tables that are gone.
    erased: BTreeSet<String>,
    violations: Vec<Violation>,
    /// Items that somebody wrote who should not, and that the stream holds.
    unreadable: usize,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(play: &Arc<Play>, system: &'a System, tables: &Tables) -> Self {
        play.faults().loses_all_marks = !system.marks;
        Self {
            play: Arc::clone(play),
            system,
            deployment: Deployment::start(play, system, tables, 1),
            epoch: 1,
            restores: Vec::new(),
            committed: BTreeSet::new(),
            erased: BTreeSet::new(),
            violations: Vec::new(),
            unreadable: 0,
        }
    }

    /// Lets everything happen.
    pub(crate) async fn play(&mut self, history: &History) {
        let began = Instant::now();
        for step in &history.steps {
            self.restore_until(step.at, began).await;
            sleep_until(began + Duration::from_millis(step.at)).await;
            match &step.what {
                What::Act(person, act) => self.deployment.act(*person, *act),
                What::Fault(fault) => self.fault(fault.clone()),
            }
        }
        self.restore_until(u64::MAX, began).await;
    }

    fn fault(&mut self, fault: Fault) {
        let (now, stream) = (self.play.now(), Arc::clone(&self.deployment.stream));
        let lambda = Arc::clone(&self.deployment.lambda);
        match fault {
            Fault::Duplicate(back) => stream.go_back(back),
            Fault::Reorder => stream.shuffle(),
            Fault::SmallBatches(size, millis) => stream.small_batches(size, now + millis),
            Fault::CutOff(millis) => stream.cut_off(now + millis),
            Fault::SecondRelay(back, millis) => {
                let time = Duration::from_millis(millis);
                self.deployment.run(async move { stream.feed_another(back, time).await });
            }
            Fault::SecondSweep => {
                self.play.faults().strike("sweep outside the schedule");
                self.deployment
                    .run(async move { drop(lambda.invoke("sweep-events", "{}".to_owned()).await) });
            }
            Fault::Unreadable => self.write_unreadable(),
            Fault::TooLarge => self.write_too_large(),
            Fault::Restore(millis) => {
                let promises = self.play.seen().acks.len();
                self.restores.push((now + millis, self.deployment.tables(), promises));
            }
            Fault::Clock { .. } => {
                self.play.faults().arm(fault, now);
                lambda.recycle();
            }
            fault => self.play.faults().arm(fault, now),
        }
    }

    fn write_unreadable(&mut self) {
        self.play.faults().strike("record unreadable");
        self.unreadable += 1;
        let stream = format!("user#stranger-{}", self.play.random.uuid());
        let item = json!({"stream": {"S": stream}, "seq": {"N": "1"}, "state": {"S": "pending"}});
        put(&self.deployment.lambda.stack, "Events", &item);
        self.play.written.notify_waiters();
    }

    /// Two events of a stream, of which the bus takes the second one only.
    fn write_too_large(&mut self) {
        self.play.faults().strike("event too large");
        let (stream, now) = (format!("user#large-{}", self.play.random.uuid()), self.play.time().millis());
        for (number, size) in [(1, TOO_LARGE), (2, 1)] {
            let id = self.play.random.uuid().to_string();
            let detail = json!({"id": id, "subject": stream, "epoch": self.epoch,
                "sequence": format!("{number:012}"), "data": {"text": "x".repeat(size)}});
            let item = json!({
                "stream": {"S": stream}, "seq": {"N": number.to_string()}, "state": {"S": "pending"},
                "event_id": {"S": id}, "detail_type": {"S": "user.registered"},
                "detail": {"S": detail.to_string()}, "created_at": {"N": now.to_string()},
                "attempts": {"N": "0"}, "next_attempt_at": {"N": now.to_string()}, "due_pk": {"S": "7"},
                "due_sk": {"S": format!("{now:015}#{stream}#{number:012}")},
            });
            put(&self.deployment.lambda.stack, "Events", &item);
        }
        self.play.written.notify_waiters();
    }

    /// Puts the tables back to earlier moments, as long as that is due before `at`.
    async fn restore_until(&mut self, at: u64, began: Instant) {
        while let Some(next) = self.restores.iter().position(|(due, ..)| *due <= at) {
            let (due, tables, promises) = self.restores.remove(next);
            sleep_until(began + Duration::from_millis(due)).await;
            self.restore(&tables, promises).await;
        }
    }

    /// A new deployment of old tables, in a new epoch. The bus's history goes on.
    async fn restore(&mut self, tables: &Tables, promises: usize) {
        self.play.faults().strike("tables restored");
        let state = State::of(&self.deployment.tables());
        self.committed.extend(state.ids());
        self.erased.extend(state.erased());
        self.violations.extend(state.numbering());
        self.violations.extend(state.consistency());
        self.violations.extend(state.administration());
        let acks = std::mem::take(&mut self.play.seen().acks);
        self.violations.extend(state.keeping(acks.iter().map(|(_, ack)| ack)));
        // What came after the moment is gone: that is what an operator has chosen.
        self.play.seen().acks = acks.into_iter().take(promises).collect();
        self.restores.clear();
        self.unreadable = 0;
        self.epoch += 1;
        let next = Deployment::start(&self.play, self.system, tables, self.epoch);
        std::mem::replace(&mut self.deployment, next).end().await;
    }

    /// The faults stop; what is left is done; then it is seen whether all is as it must be.
    pub(crate) async fn judge(mut self) -> Outcome {
        self.deployment.settle().await;
        self.play.faults().stop();
        self.deployment.stream.mend();
        self.deployment.lambda.recycle();
        self.deployment.lambda.invoke("erase-users", "{}".to_owned()).await;
        for _ in 0..MOST_MINUTES {
            sleep(Duration::from_mins(1)).await;
            if self.deployment.stream.is_dry() {
                break;
            }
        }
        let mut pause = GRACE;
        for _ in 0..MOST_SWEEPS {
            if State::of(&self.deployment.tables()).pending() == 0 || !self.system.sweeps {
                break;
            }
            sleep(pause).await;
            self.deployment.lambda.invoke("sweep-events", "{}".to_owned()).await;
            pause = LONGEST_PAUSE;
        }
        sleep(Duration::from_secs(1)).await;
        self.outcome()
    }

    fn outcome(mut self) -> Outcome {
        let state = State::of(&self.deployment.tables());
        self.committed.extend(state.ids());
        let seen = self.play.seen();
        let published: Vec<_> =
            seen.published.iter().filter(|event| is_event_stream(&event.subject)).cloned().collect();
        self.violations.extend(state.numbering());
        self.violations.extend(state.consistency());
        self.violations.extend(state.administration());
        self.violations.extend(state.keeping(seen.acks.iter().map(|(_, ack)| ack)));
        self.violations.extend(state.delivery(&published));
        // What the stream forgot, the relay could not put away.
        let is_forgotten = self.play.faults().struck.contains_key(FORGOTTEN);
        if state.quarantined < self.unreadable && !is_forgotten {
            let what = format!("{} of {} unreadable records put away", state.quarantined, self.unreadable);
            self.violations.push(Violation { invariant: Invariant::Moving, what });
        }
        self.violations.extend(check::order(&published));
        self.violations.extend(check::committed(&published, &self.committed));
        // Of somebody who is erased, nothing personal is published again.
        self.erased.extend(state.erased());
        let changed = seen.changed.iter().filter(|id| !self.erased.contains(*id)).cloned();
        self.violations.extend(changed.map(|what| Violation { invariant: Invariant::Frozen, what }));
        let distinct = published.iter().map(|event| &event.event_id).collect::<BTreeSet<_>>().len();
        let outcome = Outcome {
            violations: std::mem::take(&mut self.violations),
            done: seen.done.clone(),
            erased: state.tombstones(),
            struck: self.play.faults().struck.clone(),
            calls: seen.calls,
            promises: seen.acks.len() as u64,
            events: self.committed.len() as u64,
            publications: published.len() as u64,
            duplicates: (published.len() - distinct) as u64,
            fingerprint: 0,
        };
        drop(seen);
        Outcome { fingerprint: self.play.fingerprint(), ..outcome }
    }
}
