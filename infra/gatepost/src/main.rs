//! The command people type: `gatepost dev` runs the whole system on this machine, `gatepost doctor` says what is
//! wrong with a system, `gatepost outbox` looks after the events, `gatepost keys` after keys and peppers, `gatepost logs` finds
//! what the log says of an address, `gatepost mail` looks after mails,
//! `gatepost tasks` after what is done by itself, `gatepost users` takes users over from elsewhere and hands them out,
//! `gatepost data` takes whole systems from place to place.

mod console;
mod data;
mod dev;
mod doctor;
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

use clap::Command;

fn main() -> ExitCode {
    let arguments = Command::new("gatepost")
        .about("Run and operate the identity service Gatepost")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(dev::command())
        .subcommand(doctor::command())
        .subcommand(outbox::command())
        .subcommand(keys::command())
        .subcommand(logs::command())
        .subcommand(mail::command())
        .subcommand(tasks::command())
        .subcommand(users::command())
        .subcommand(data::command())
        .get_matches();
    let outcome = match arguments.subcommand() {
        Some(("dev", arguments)) => {
            dev::run(arguments).map(|()| ExitCode::SUCCESS).map_err(|e| e.to_string())
        }
        Some(("keys", arguments)) => keys::run(arguments).map_err(|error| error.to_string()),
        Some(("data", arguments)) => data::run(arguments).map_err(|error| error.to_string()),
        Some(("doctor", arguments)) => doctor::run(arguments).map_err(|error| error.to_string()),
        Some(("logs", arguments)) => logs::run(arguments).map_err(|error| error.to_string()),
        Some(("mail", arguments)) => mail::run(arguments).map_err(|error| error.to_string()),
        Some(("outbox", arguments)) => outbox::run(arguments).map_err(|error| error.to_string()),
        Some(("tasks", arguments)) => tasks::run(arguments).map_err(|error| error.to_string()),
        Some(("users", arguments)) => users::run(arguments).map_err(|error| error.to_string()),
        _ => Ok(ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|sentence| {
        eprintln!("gatepost: {sentence}");
        ExitCode::FAILURE
    })
}
