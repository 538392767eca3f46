//! Plays histories, in time that stands still unless nobody has anything to do.

use std::{
    collections::BTreeMap,
    num::NonZero,
    ops::Range,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use local::functions::{Build, mount};
use stage::make_administrator;
use tokio::{runtime::Builder, time::sleep};

use crate::{
    Report, Violation,
    chance::{ADMINISTRATOR, USERS},
    deployment::{Deployment, Tables},
    history::{Act, History},
    people,
    play::{Play, Seen},
    stage::Stage,
};

/// What is played: the product, unless a part of it is taken away to see that this is noticed.
#[derive(Clone, Copy)]
pub struct System {
    /// The relay.
    pub relay: Build,
    /// Whether the sweeper is called.
    pub sweeps: bool,
    /// Whether what was delivered can be noted.
    pub marks: bool,
}

impl Default for System {
    fn default() -> Self {
        let relay: Build = |cloud| mount(relay_events::function(cloud));
        Self { relay, sweeps: true, marks: true }
    }
}

/// What a play came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What does not hold.
    pub violations: Vec<Violation>,
    /// How often people were answered that something is done.
    pub done: BTreeMap<&'static str, u64>,
    /// Users who are erased.
    pub erased: u64,
    /// How often each kind of fault has struck.
    pub struck: BTreeMap<String, u64>,
    /// Calls of AWS.
    pub calls: u64,
    /// Answers that promised something.
    pub promises: u64,
    /// Events that were committed.
    pub events: u64,
    /// Publications of events.
    pub publications: u64,
    /// Publications of events that had been published before.
    pub duplicates: u64,
    /// The same for two plays only if everything happened in the same order at the same time.
    pub fingerprint: u64,
}

/// Sessions that each user has from the start.
const SESSIONS: usize = 6;

/// What every history begins with: a few users with some sessions, and an administrator.
struct Prepared {
    tables: Tables,
    seen: Seen,
}

/// Plays a history.
///
/// # Panics
/// If the system does not start.
#[must_use]
pub fn play(history: &History, system: &System) -> Outcome {
    static PREPARED: OnceLock<Prepared> = OnceLock::new();
    let prepared = PREPARED.get_or_init(|| in_stopped_time(prepare()));
    in_stopped_time(Box::pin(async {
        let play = Play::new(history.seed, 2, prepared.seen.clone());
        let mut stage = Stage::new(&play, system, &prepared.tables);
        stage.play(history).await;
        stage.judge().await
    }))
}

/// Plays the histories of many seeds, as many at a time as there are cores.
#[must_use]
pub fn play_all(seeds: Range<u64>, system: &System) -> Report {
    let (began, next) = (std::time::Instant::now(), AtomicU64::new(seeds.start));
    let report = Mutex::new(Report::default());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end {
                        break;
                    }
                    let outcome = play(&History::of(seed), system);
                    report.lock().unwrap_or_else(PoisonError::into_inner).add(seed, &outcome);
                }
            });
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.took = began.elapsed();
    report
}

#[expect(clippy::expect_used, reason = "without a runtime there is nothing to play")]
fn in_stopped_time<T>(playing: impl Future<Output = T>) -> T {
    // One thread plays, one other hashes, and the two take turns.
    let mut runtime = Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).max_blocking_threads(1).build();
    runtime.expect("a runtime").block_on(playing)
}

/// Users register, prove their addresses and log in, and nothing goes wrong.
async fn prepare() -> Prepared {
    let play = Play::new(0, 0, Seen::of(people::nobody_yet(ADMINISTRATOR + 1)));
    let mut deployment = Deployment::start(&play, &System::default(), &Tables::new(), 1);
    for act in [Act::Register, Act::Verify] {
        everybody(&mut deployment, act).await;
    }
    let administrator = play.seen().people[ADMINISTRATOR].id.clone();
    make_administrator(&deployment.lambda.stack, &administrator.unwrap_or_default()).await;
    for _ in 0..SESSIONS {
        everybody(&mut deployment, Act::LogIn).await;
    }
    let tables = deployment.tables();
    deployment.end().await;
    let seen = play.seen().clone();
    Prepared { tables, seen }
}

/// Everybody who is there from the start does the same.
async fn everybody(deployment: &mut Deployment, act: Act) {
    for user in (0..USERS).chain([ADMINISTRATOR]) {
        deployment.act(user, act);
    }
    deployment.settle().await;
    sleep(Duration::from_secs(2)).await;
}
