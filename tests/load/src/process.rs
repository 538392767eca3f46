//! Programs under measurement: their CPU time and their memory, as the kernel counts them.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::Failed;

/// Ticks of `/proc/*/stat` a second.
const TICKS: u64 = 100;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The resources that a program has used.
#[derive(Clone, Copy, Default)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    pub(crate) peak_kib: u64,
}

/// Runs a program to its end.
pub(crate) fn run(mut command: Command) -> Result<Used, Failed> {
    let begin = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut used = Used::default();
    loop {
        let stat = stat(child.id())?;
        used.cpu = cpu_in(&stat)?;
        // One that has ended has no memory any longer.
        used.peak_kib = memory_kib(child.id(), "VmHWM:").unwrap_or(used.peak_kib);
        if state_in(&stat) == Some('Z') {
            break;
        }
        thread::sleep(LOOK_EVERY);
    }
    used.wall = begin.elapsed();
    let status = child.wait()?;
    if status.success() { Ok(used) } else { Err(format!("{command:?}: {status}").into()) }
}

/// `gatepost dev`, until it is dropped.
pub(crate) struct Dev {
    child: Child,
    pub(crate) url: String,
}

impl Dev {
    /// Starts it on a data folder, and waits until it answers.
    pub(crate) fn start(gatepost: &Path, data: &Path) -> Result<Self, Failed> {
        let mut command = Command::new(gatepost);
        command.arg("dev").arg("--data").arg(data).args(["--port", "0"]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
        let greeting = lines.next().ok_or("it ended at once")??;
        let url = greeting.split_whitespace().find(|word| word.starts_with("http://"));
        let url = url.ok_or("no address in the greeting")?.to_owned();
        // What it shows must be read, or it would wait.
        thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, url })
    }

    pub(crate) fn cpu(&self) -> Result<Duration, Failed> {
        cpu_in(&stat(self.child.id())?)
    }

    pub(crate) fn memory_kib(&self) -> Result<u64, Failed> {
        memory_kib(self.child.id(), "VmRSS:").ok_or_else(|| "no memory in /proc".into())
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn stat(process: u32) -> Result<String, Failed> {
    Ok(fs::read_to_string(format!("/proc/{process}/stat"))?)
}

/// The fields after the name, which may hold anything.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split_whitespace()
}

fn state_in(stat: &str) -> Option<char> {
    fields(stat).next()?.chars().next()
}

/// User and system time of all threads, also of those that have ended.
fn cpu_in(stat: &str) -> Result<Duration, Failed> {
    let ticks: Vec<u64> = fields(stat).skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 1_000 / TICKS))
}

fn memory_kib(process: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
