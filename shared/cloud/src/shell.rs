//! The frame of each invocation, which writes its log line.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::time::Instant;

use crate::{
    Clock, Cloud, Invocation, Line, Log, Metric, Unit,
    work::{Done, Work},
};

/// One environment of a function.
#[derive(Debug)]
pub struct Shell {
    stack: String,
    function: String,
    log: Log,
    clock: Clock,
    was_called: AtomicBool,
}

impl Shell {
    /// Creates the frame for the function of `cloud`.
    #[must_use]
    pub fn of(cloud: &Cloud) -> Self {
        let setting = |name| cloud.settings().optional(name).unwrap_or_default().to_owned();
        Self {
            stack: setting("STACK"),
            function: setting("AWS_LAMBDA_FUNCTION_NAME"),
            log: cloud.log(),
            clock: cloud.clock(),
            was_called: AtomicBool::new(false),
        }
    }

    /// Runs an invocation and writes its line.
    ///
    /// # Errors
    /// The error of the invocation.
    pub async fn around<T, E>(
        &self,
        invocation: &Invocation,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let is_cold = !self.was_called.swap(true, Ordering::Relaxed);
        let (work, began) = (Work::new(invocation.deadline), Instant::now());
        let outcome = Arc::clone(&work).scope(call).await;
        let milliseconds = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.log.write(&self.line(work.so_far(), outcome.is_ok(), is_cold, milliseconds));
        outcome
    }

    fn line(&self, mut done: Done, is_done: bool, is_cold: bool, milliseconds: u64) -> Line {
        let mut facts = done.facts();
        facts.insert("cold", is_cold.into());
        let (retries, answered) = (done.calls.retries, done.answered.is_some());
        let status = done.answered.as_ref().map_or(0, |answered| answered.status);
        let mut count = |name, count| {
            if count > 0 {
                done.add(name, Unit::Count, count);
            }
        };
        count("ColdStarts", u64::from(is_cold));
        count("Retries", retries);
        if answered {
            done.add("Latency", Unit::Milliseconds, milliseconds);
        } else {
            facts.insert("milliseconds", milliseconds.into());
        }
        let mut metrics = done.metrics();
        if status >= 500 {
            metrics.push(Metric { name: "Failures", unit: Unit::Count, value: 1, by_function: true });
        }
        let message = match (answered, is_done) {
            (true, _) => "answered",
            (false, true) => "done",
            (false, false) => "failed",
        };
        let (stack, function) = (self.stack.clone(), self.function.clone());
        Line { at: self.clock.now(), message, stack, function, facts, metrics }
    }
}
