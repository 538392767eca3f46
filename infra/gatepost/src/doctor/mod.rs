//! `gatepost doctor`: looks at everything that a system needs, and says what is wrong and what to do. It changes
//! nothing of a deployed system; in a data folder it lets a canary fly, as each minute of `gatepost dev` does.

mod check;
mod deployed;
mod events;
mod folder;
mod functions;
mod keys;
mod mail;
mod tables;

use std::{io, process::ExitCode};

use clap::{ArgMatches, Command};
use cloud::NotAnswered;
use local::template::TemplateError;
use serde_json::json;
use thiserror::Error;
use tokio::runtime;

use self::check::{Check, Severity};
use crate::{
    dev,
    outbox::Ended,
    report::Report,
    stack::Account,
    system::{self, SystemError, flag},
};

/// Why nothing could be looked at, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum DoctorError {
    #[error(transparent)]
    System(#[from] SystemError),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("cannot list the resources of the stack {0}: {1}")]
    NoResources(String, NotAnswered),
    #[error("the system does not permit it: {0}")]
    Permitted(#[from] io::Error),
}

const AFTER_HELP: &str = "\
Exit codes: 0 all is well, 1 nothing could be looked at (one sentence says why), 2 wrong usage, 3 warnings, 5 errors.";

pub(crate) fn command() -> Command {
    Command::new("doctor")
        .about("Check everything that a system needs, and say what is wrong and what to do")
        .after_help(AFTER_HELP)
        .args(system::arguments())
        .arg(dev::parameters().conflicts_with("stack"))
        .arg(flag("verbose", "Also print checks that passed"))
        .arg(flag("json", "Print one JSON document instead of text"))
}

pub(crate) fn run(arguments: &ArgMatches) -> Result<ExitCode, DoctorError> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let checks = runtime.block_on(async {
        match arguments.get_one::<String>("stack") {
            Some(stack) => Box::pin(deployed::checks(&Account::chosen(arguments), stack)).await,
            None => folder::checks(arguments).await,
        }
    })?;
    let report = Report::new(arguments);
    Ok(ExitCode::from(tell(&checks, &report, arguments.get_flag("verbose")) as u8))
}

fn tell(checks: &[Check], report: &Report, is_verbose: bool) -> Ended {
    for check in checks.iter().filter(|check| is_verbose || check.severity > Severity::Ok) {
        for line in check.text().lines() {
            report.line(line);
        }
    }
    let count = |severity| checks.iter().filter(|check| check.severity == severity).count();
    let (warnings, errors) = (count(Severity::Warning), count(Severity::Error));
    report.line(&format!("{} checks: {errors} errors, {warnings} warnings", checks.len()));
    let checks: Vec<_> = checks.iter().map(Check::json).collect();
    report.document(json!({"checks": checks, "errors": errors, "warnings": warnings}));
    match (errors, warnings) {
        (0, 0) => Ended::Well,
        (0, _) => Ended::WithFindings,
        _ => Ended::WithErrors,
    }
}
