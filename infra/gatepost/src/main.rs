//! The command that operators type. `gatepost --help` lists what it does.

mod cli;
mod console;
mod data;
mod dev;
mod doctor;
mod error;
mod keys;
mod logs;
mod mail;
mod outbox;
mod report;
mod stack;
mod system;
mod tasks;
mod users;
mod xml;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
