//! What the product costs, each figure beside its floor or peer in the same run. Prints tables;
//! `docs/contribute/performance.md` has them as measured once.

mod client;
mod cold_start;
mod cryptography;
mod delivery;
mod folder;
mod idle;
mod idle_cost;
mod listing;
mod log_in;
mod measure;
mod moving;
mod people;
mod process;
mod relay;
mod requests;
mod signatures;
mod sizes;
mod stand_in;
mod table;
mod timing;
mod units;

use std::{error::Error, path::PathBuf, process::ExitCode};

/// Why there is no figure.
type Failed = Box<dyn Error + Send + Sync>;

const USAGE: &str = "one of: log-in, timing, refresh, read-profile, signatures, units, relay, latency, catch-up, memory, idle-cost, cold-start [folder], idle [folder [users]...], listing [folder [users]...], moving [folder [users]...], sizes [folder]; \
                     the folder holds the release binaries, and data for the time of a run; by default target/release";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let folder = arguments.next().map_or_else(|| PathBuf::from("target/release"), PathBuf::from);
    match command.as_str() {
        "catch-up" => delivery::catch_up(),
        "cold-start" => cold_start::run(&folder),
        "idle" => idle::run(&folder, arguments),
        "idle-cost" => idle_cost::run(),
        "listing" => listing::run(&folder, arguments),
        "latency" => delivery::latency(),
        "log-in" => log_in::run(),
        "memory" => relay::memory(),
        "moving" => moving::run(&folder, arguments),
        "refresh" => requests::refresh(),
        "read-profile" => requests::read_profile(),
        "relay" => relay::throughput(),
        "signatures" => signatures::run(),
        "sizes" => sizes::run(&folder),
        "timing" => timing::run(),
        "units" => units::run(),
        _ => Err(USAGE.into()),
    }
}
