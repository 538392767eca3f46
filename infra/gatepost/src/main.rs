//! The command people type: `gatepost dev` runs the whole system on this machine.

mod console;
mod dev;

use std::process::ExitCode;

use clap::Command;

fn main() -> ExitCode {
    let arguments = Command::new("gatepost")
        .about("An identity service: people sign up, prove their address, sign in and out; every change is an event")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(dev::command())
        .get_matches();
    let outcome = match arguments.subcommand() {
        Some(("dev", arguments)) => dev::run(arguments),
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gatepost: {error}");
            ExitCode::FAILURE
        }
    }
}
