//! Clocks, and what is made of their readings.

use std::{
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

use crate::Failed;

/// What something took.
#[derive(Clone, Copy)]
pub(crate) struct Spent {
    pub(crate) wall: Duration,
    /// Of all threads of the process.
    pub(crate) cpu: Duration,
}

impl Spent {
    /// What is left without a part of it.
    pub(crate) fn without(self, part: Self) -> Self {
        Self { wall: self.wall.saturating_sub(part.wall), cpu: self.cpu.saturating_sub(part.cpu) }
    }
}

/// What `work` takes, for one of `times`.
pub(crate) fn spent(times: u32, work: impl FnOnce() -> Result<(), Failed>) -> Result<Spent, Failed> {
    let (began, cpu_before) = (Instant::now(), cpu());
    work()?;
    Ok(Spent { wall: began.elapsed() / times, cpu: cpu().saturating_sub(cpu_before) / times })
}

/// That this process has used so far.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// How often a second `threads` at once get through with `work`, which each does `times`.
pub(crate) fn per_second(
    threads: usize,
    times: u32,
    work: impl Fn(usize) -> Result<(), Failed> + Sync,
) -> Result<f64, Failed> {
    let began = Instant::now();
    thread::scope(|scope| {
        let spawn = |thread| {
            scope.spawn({
                let work = &work;
                move || work(thread)
            })
        };
        let running: Vec<_> = (0..threads).map(spawn).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    let all = f64::from(times) * f64::from(u32::try_from(threads)?);
    Ok(all / began.elapsed().as_secs_f64())
}

/// As many as there are cores.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The runtime that a function has on Lambda.
pub(crate) fn runtime() -> Result<Runtime, Failed> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

pub(crate) fn median_of(values: &[Spent]) -> Spent {
    Spent {
        wall: median(values.iter().map(|spent| spent.wall)),
        cpu: median(values.iter().map(|spent| spent.cpu)),
    }
}

/// The middle one; of none, the default.
pub(crate) fn median<T: PartialOrd + Copy + Default>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<_> = values.collect();
    values.sort_by(|one, other| one.partial_cmp(other).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied().unwrap_or_default()
}

pub(crate) fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

pub(crate) fn micros(time: Duration) -> String {
    format!("{:.0} µs", time.as_secs_f64() * 1e6)
}

/// How many times the floor.
pub(crate) fn times(value: Duration, floor: Duration) -> String {
    format!("{:.2} ×", value.as_secs_f64() / floor.as_secs_f64())
}
