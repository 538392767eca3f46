//! What Lambda does: starts processes of a function, calls them one at a time, forgets those that died.

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    task::{Context, Poll},
    time::Duration,
};

use cloud::{Clock, Deadline, Invocation};
use domain::Timestamp;
use local::{
    Stack,
    calls::{Call, Fate},
    functions::{Build, Environment, build_of},
};
use serde_json::Value;
use tokio::{sync::Notify, task::JoinHandle, time::timeout};

use crate::play::Play;

tokio::task_local! {
    /// What the task that makes a call is running.
    static RUN: Arc<Run>;
}

/// One call of a function, from its first step to its answer or its end.
#[derive(Default)]
pub(crate) struct Run {
    /// How many calls of AWS it has made.
    pub(crate) calls: AtomicU32,
    /// At which of them it is to be killed, and whether after its effect.
    pub(crate) kill: Option<(u32, bool)>,
    pub(crate) killed: Notify,
}

/// The functions of one deployment.
pub(crate) struct Lambda {
    pub(crate) stack: Stack,
    play: Arc<Play>,
    /// What relays.
    relay: Build,
    /// Processes that wait for their next call.
    idle: Mutex<BTreeMap<&'static str, Vec<Arc<Environment>>>>,
}

impl Lambda {
    pub(crate) fn new(stack: Stack, play: Arc<Play>, relay: Build) -> Self {
        Self { stack, play, relay, idle: Mutex::default() }
    }

    /// All processes end: the next call starts new ones.
    pub(crate) fn recycle(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Calls a function. Nothing, if it fails, is killed, or takes too long.
    pub(crate) async fn invoke(&self, function: &'static str, event: String) -> Option<Value> {
        let mounted = self.process(function)?;
        let timeout_of = self.stack.template().functions.get(function)?.timeout;
        let kill = self.play.faults().kill(function);
        let run = Arc::new(Run { kill, ..Run::default() });
        let invocation = Invocation {
            id: self.play.random.uuid().to_string(),
            xray: None,
            deadline: Deadline::after(timeout_of),
        };
        let process = Arc::clone(&mounted);
        let call = Box::pin(async move { process.call(event, invocation).await });
        let mut task = Task(tokio::spawn(RUN.scope(Arc::clone(&run), Fenced(call))));
        let answer = tokio::select! {
            biased;
            () = run.killed.notified() => None,
            answer = timeout(timeout_of, &mut task.0) => answer.ok(),
        };
        let answer = answer?.ok()?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).entry(function).or_default().push(mounted);
        serde_json::from_str(&answer.ok()?).ok()
    }

    /// A process that nobody uses, or a new one, whose clock may be wrong.
    fn process(&self, function: &'static str) -> Option<Arc<Environment>> {
        static PROCESSES: AtomicU64 = AtomicU64::new(0);
        let idle = &mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mounted) = idle.entry(function).or_default().pop() {
            return Some(mounted);
        }
        let (play, skew) = (Arc::clone(&self.play), self.play.faults().skew(function) * 60_000);
        let clock = Clock::of(move || Timestamp::from_millis(play.time().millis() + skew));
        let region = format!("process-{}", PROCESSES.fetch_add(1, Ordering::Relaxed));
        let cloud = self.stack.environment(function, &region, clock, self.play.random.clone()).ok()?;
        let build = match function {
            "relay-events" => self.relay,
            _ => build_of(function)?,
        };
        Environment::start(function, build, &cloud).ok().map(Arc::new)
    }
}

/// What becomes of a call of AWS. Also one that nothing happens to takes its time, so that others come
/// in between.
pub(crate) fn fate(play: &Play, call: &Call) -> Fate {
    const LATENCY_MILLIS: u8 = 24;
    RUN.try_with(|run| {
        let fate = play.faults().fate(run, call, play.now());
        let is_mischief = !matches!(fate, Fate::Proceed);
        play.write(&format!("{} {} {is_mischief}", call.function, call.operation));
        play.called(call);
        let [latency] = play.random.bytes();
        match fate {
            Fate::Proceed => Fate::Delayed(Duration::from_millis((1 + latency % LATENCY_MILLIS).into())),
            fate => fate,
        }
    })
    .unwrap_or(Fate::Proceed)
}

/// A task that ends when nobody waits for it any more: what it was doing stays half done.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A future that goes on only when no other thread is at work: hashing is done by another thread,
/// and when it is done would differ from run to run. There is one such thread, and it works in order.
struct Fenced<F>(Pin<Box<F>>);

impl<F: Future> Future for Fenced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let polled = self.0.as_mut().poll(context);
        if polled.is_pending() {
            let (done, is_done) = mpsc::channel();
            drop(tokio::task::spawn_blocking(move || done.send(())));
            let _ = is_done.recv();
        }
        polled
    }
}
