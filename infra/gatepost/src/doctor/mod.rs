//! `gatepost doctor`: checks everything that a system needs, and prints problems and remedies. A deployed
//! system is not changed; in a data folder the doctor sends a canary, as `gatepost dev` does each minute.

mod check;
mod deployed;
mod events;
mod folder;
mod functions;
mod keys;
mod mail;
mod tables;

use clap::Args;
use serde_json::json;

use self::check::{Check, Severity};
use crate::{cli::ExitCode, dev::Parameters, error::CliError, report::Report, system::Target};

#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    parameters: Parameters,
    /// Also print checks that passed
    #[arg(long)]
    verbose: bool,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self) -> Result<ExitCode, CliError> {
        let checks = match &self.target.stack {
            Some(stack) => Box::pin(deployed::checks(&self.target.account(), stack)).await?,
            None => folder::checks(&self.target.data, &self.parameters).await?,
        };
        Ok(tell(&checks, &Report::new(self.json), self.verbose))
    }
}

fn tell(checks: &[Check], report: &Report, is_verbose: bool) -> ExitCode {
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
        (0, 0) => ExitCode::Done,
        (0, _) => ExitCode::Findings,
        _ => ExitCode::Errors,
    }
}
