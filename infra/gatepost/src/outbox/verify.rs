//! `gatepost outbox verify`: compares every user's version with the user's events.

use std::time::Duration;

use clap::{Args, value_parser};
use domain::UserId;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use store::{Finding, Reconciled, Reconciliation, UserVersion};

use super::Deployment;
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
};

/// Users that are compared concurrently.
const AT_ONCE: usize = 16;

#[derive(Args)]
pub(crate) struct Verify {
    /// Check only this user
    #[arg(long, value_name = "ID")]
    user: Option<UserId>,
    /// Accept that events older than this are missing after a cleanup [default: the retention]
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    days: Option<u32>,
}

impl Verify {
    pub(crate) async fn run(&self, deployment: &Deployment, report: &Report) -> Result<ExitCode, CliError> {
        let (identities, now) = (deployment.identities()?, deployment.clock().now());
        let kept = self.days.map(|days| Duration::from_hours(24) * days);
        let mut reconciliation =
            Reconciliation::new(deployment.outbox.clone(), identities.clone(), now, kept);
        let reconciled = match self.user {
            Some(user) => one(deployment, &mut reconciliation, user).await?,
            None => everything(deployment, &mut reconciliation).await?,
        };
        tell(report, &reconciled);
        Ok(if reconciled.findings.is_empty() { ExitCode::Done } else { ExitCode::Findings })
    }
}

async fn one(
    deployment: &Deployment,
    reconciliation: &mut Reconciliation,
    id: UserId,
) -> Result<Reconciled, CliError> {
    let user = deployment.identities()?.user(id).await?.ok_or(CliError::NoUser(id))?;
    let user = UserVersion { id, version: user.version, created_at: user.created_at };
    let (mut reconciled, mut start) = (reconciliation.user(&user).await?, None);
    reconciliation.has(id);
    loop {
        let page = deployment.outbox.history(&format!("user#{id}"), start).await?;
        for entry in page.items {
            reconciled += reconciliation.item(entry).await?;
        }
        start = page.next;
        if start.is_none() {
            return Ok(reconciled);
        }
    }
}

async fn everything(
    deployment: &Deployment,
    reconciliation: &mut Reconciliation,
) -> Result<Reconciled, CliError> {
    let (identities, mut reconciled) = (deployment.identities()?, Reconciled::default());
    let (progress, mut start) = (Progress::of("users"), None);
    loop {
        let page = identities.user_versions(start).await?;
        progress.add(page.items.len());
        let (users, unreadable): (Vec<_>, Vec<_>) = page.items.into_iter().partition(Result::is_ok);
        let unreadable = unreadable.into_iter().filter_map(Result::err);
        reconciled
            .findings
            .extend(unreadable.map(|key| Finding::Unreadable { key, attribute: "version".to_owned() }));
        let users: Vec<UserVersion> = users.into_iter().flatten().collect();
        let seen: &Reconciliation = reconciliation;
        let each = users.iter().map(|user| seen.user(user));
        let each: Vec<Reconciled> = stream::iter(each).buffered(AT_ONCE).try_collect().await?;
        for (user, one) in users.iter().zip(each) {
            reconciled += one;
            reconciliation.has(user.id);
        }
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    drop(progress);
    let progress = Progress::of("events");
    loop {
        let page = deployment.outbox.scan(start).await?;
        progress.add(page.items.len());
        for entry in page.items {
            reconciled += reconciliation.item(entry).await?;
        }
        start = page.next;
        if start.is_none() {
            return Ok(reconciled);
        }
    }
}

fn tell(report: &Report, reconciled: &Reconciled) {
    for finding in &reconciled.findings {
        report.line(&finding.to_string());
    }
    let Reconciled { users, events, pending, dead, discarded, expired, findings } = reconciled;
    report.line(&format!(
        "{users} users, {events} events of theirs: {pending} pending, {dead} dead, {discarded} discarded; {expired} more may have expired"
    ));
    report.line(&match findings.len() {
        0 => "no gaps".to_owned(),
        many => format!("{many} findings"),
    });
    report.document(json!({
        "users": users, "events": events, "pending": pending, "dead": dead, "discarded": discarded,
        "expired": expired, "findings": findings.iter().map(document).collect::<Vec<_>>(),
    }));
}

fn document(finding: &Finding) -> Value {
    json!({"finding": finding.name(), "text": finding.to_string()})
}
