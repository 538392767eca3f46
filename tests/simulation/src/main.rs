//! Plays histories: one by its seed, or many.

use std::process::ExitCode;

use simulation::{History, System, play, play_all, shrink};

const USAGE: &str = "--seed N | --histories N [--from SEED]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let parsed = match arguments[..] {
        ["--seed", seed] => seed.parse().map(|seed| (seed, 1)),
        ["--histories", count] => count.parse().map(|count| (0, count)),
        ["--histories", count, "--from", seed] => {
            seed.parse().and_then(|seed| count.parse().map(|count| (seed, count)))
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match parsed {
        Ok((from, count)) => run(from, count),
        Err(error) => {
            eprintln!("{error}: {USAGE}");
            ExitCode::from(2)
        }
    }
}

#[expect(clippy::print_stdout, reason = "the report is what it is run for")]
fn run(from: u64, count: u64) -> ExitCode {
    let system = System::default();
    if count == 1 {
        println!("{:?}", History::of(from));
    }
    let report = play_all(from..from.saturating_add(count), &system);
    println!("{report}");
    let Some(first) = report.failed.first() else { return ExitCode::SUCCESS };
    eprintln!("failed: {:?}; the first one, as small as it can be:", report.failed);
    let smallest = shrink(&History::of(*first), |history| !play(history, &system).violations.is_empty());
    eprintln!("{smallest:?}");
    for violation in play(&smallest, &system).violations {
        eprintln!("{violation}");
    }
    ExitCode::FAILURE
}
