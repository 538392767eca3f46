//! From the start of a function's process to its first request for work.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use local::Stack;

use crate::{
    Failed,
    measure::{Spent, median_of, millis, times},
    stand_in::StandIn,
    table::Table,
};

const FLOOR: &str = "empty-function";
const RUNS: usize = 41;
/// Wall time, in floors.
const BUDGET: f64 = 1.5;

type Settings = BTreeMap<String, String>;

pub(crate) fn run(folder: &Path) -> Result<(), Failed> {
    let stand_in = StandIn::start()?;
    let stack = Stack::memory().start()?;
    let deployed = &stack.template().functions;
    // Those that are built: all of them take their time.
    let built = deployed.iter().filter(|(name, _)| folder.join(name).exists());
    let mut functions: Vec<_> = built.map(|(name, it)| (name.as_str(), it.settings.clone())).collect();
    functions.insert(0, (FLOOR, Settings::new()));

    let mut samples: BTreeMap<&str, Vec<Spent>> = BTreeMap::new();
    for run in 0..=RUNS {
        for (name, settings) in &functions {
            let spent =
                start(folder, name, settings, &stand_in).map_err(|error| format!("{name}: {error}"))?;
            // The first run reads the files from the disk.
            if run > 0 {
                samples.entry(name).or_default().push(spent);
            }
        }
    }

    let medians = samples.iter().map(|(name, spent)| (*name, median_of(spent)));
    let medians: BTreeMap<_, _> = medians.collect();
    let floor = medians.get(FLOOR).ok_or("no floor")?;
    let mut table = Table::new(["function", "wall", "× floor", "CPU", "× floor", "budget 1.5 × (wall)"]);
    for (name, _) in &functions {
        let spent = medians.get(name).ok_or("no run")?;
        let kept = spent.wall <= floor.wall.mul_f64(BUDGET);
        table.row([
            (*name).to_owned(),
            millis(spent.wall),
            times(spent.wall, floor.wall),
            millis(spent.cpu),
            times(spent.cpu, floor.cpu),
            if kept { "kept" } else { "missed" }.to_owned(),
        ]);
    }
    table.print(&format!(
        "Start of the process to its first request for work, medians of {RUNS} interleaved runs"
    ));
    Ok(())
}

/// One start, and its end as soon as it asks for work.
fn start(folder: &Path, name: &str, settings: &Settings, stand_in: &StandIn) -> Result<Spent, Failed> {
    let aws = stand_in.address;
    let mut command = Command::new(folder.join(name));
    command.env_clear().envs(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env("AWS_LAMBDA_RUNTIME_API", aws.to_string());
    // As on AWS, where every endpoint is https: whatever TLS needs is loaded.
    command.env("AWS_ENDPOINT_URL", format!("https://{aws}"));
    command.envs([
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
    ]);
    let began = Instant::now();
    let mut process = command.spawn()?;
    let polled = stand_in.polled();
    process.kill()?;
    let cpu = cpu_of_ended(process.id());
    process.wait()?;
    Ok(Spent { wall: polled?.duration_since(began), cpu: cpu? })
}

/// The CPU time of a process that was killed and is not yet forgotten, to the nanosecond. Functions
/// have one thread at this point.
fn cpu_of_ended(process: u32) -> Result<Duration, Failed> {
    loop {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state == Some('Z') {
            break;
        }
        thread::yield_now();
    }
    let schedule = fs::read_to_string(format!("/proc/{process}/schedstat"))?;
    let on_cpu = schedule.split_whitespace().next().ok_or("no CPU time in /proc")?;
    Ok(Duration::from_nanos(on_cpu.parse()?))
}
