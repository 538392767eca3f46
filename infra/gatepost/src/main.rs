//! The `gatepost` command. `gatepost --help` lists its subcommands.
#![expect(clippy::doc_markdown, reason = "clap shows doc comments as they are")]

mod cli;
mod clients;
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
