//! `gatepost users count`: holds the counts of users against the users.

use std::collections::HashMap;

use clap::{ArgMatches, Command};
use domain::{StatusName, UserId};
use serde_json::json;
use store::{Failure, Identities, Recount, UserCounts};

use super::UsersError;
use crate::{
    outbox::Ended,
    report::{Progress, Report, moment},
    system::{System, flag},
};

pub(super) fn command() -> Command {
    Command::new("count")
        .about("Show user counts by status, and users whose counted status is wrong")
        .arg(flag("repair", "Correct the counts of those users"))
}

pub(super) async fn run(
    system: &System,
    report: &Report,
    arguments: &ArgMatches,
) -> Result<Ended, UsersError> {
    let cloud = system.cloud("count-users")?.patient();
    let identities = Identities::new(&cloud)?;
    let counts = UserCounts::new(&cloud, identities.client())?;
    let wrong = wrong(&identities, &counts).await?;
    for Recount { user_id, before, after } in &wrong {
        report.line(&format!("{user_id} is counted as {}, and is {}", named(*before), named(*after)));
    }
    let is_repaired = arguments.get_flag("repair");
    if is_repaired {
        for Recount { user_id, .. } in &wrong {
            repair(&identities, &counts, *user_id, cloud.clock().now()).await?;
        }
    }
    let shown = counts.read().await?;
    let of = |status| shown.of.get(&status).copied().unwrap_or_default();
    let each = StatusName::ALL.map(|status| format!("{status} {}", of(status)));
    report.line(&format!("{}, together {}", each.join(", "), shown.total()));
    let did = if is_repaired { "counted anew" } else { "counted otherwise than they are" };
    report.line(&format!("{} users {did}", wrong.len()));
    report.document(json!({
        "counts": StatusName::ALL.map(|status| (status.as_str(), of(status))).into_iter().collect::<HashMap<_, _>>(),
        "total": shown.total(),
        "as_of": moment(shown.as_of),
        "wrong": wrong.len(),
        "repaired": is_repaired,
    }));
    Ok(if wrong.is_empty() || is_repaired { Ended::Well } else { Ended::WithFindings })
}

/// Everybody who is counted otherwise than they are. Who only seems to be, since events are on their way, is
/// looked at again.
async fn wrong(identities: &Identities, counts: &UserCounts) -> Result<Vec<Recount>, UsersError> {
    let (progress, mut suspects, mut start) = (Progress::of("users"), Vec::new(), None);
    let mut counted = counted(counts).await?;
    loop {
        let page = identities.users(start).await?;
        progress.add(page.items.len());
        for user in page.items {
            let user = user.map_err(UsersError::Unreadable)?;
            if counted.remove(&user.id) != Some(user.status.name()) {
                suspects.push(user.id);
            }
        }
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    // Who is counted and was not met is gone.
    suspects.extend(counted.into_keys());
    let mut wrong = Vec::new();
    for suspect in suspects {
        let recount = counts.judge(identities, suspect).await?;
        wrong.extend((!recount.is_right()).then_some(recount));
    }
    Ok(wrong)
}

async fn counted(counts: &UserCounts) -> Result<HashMap<UserId, StatusName>, Failure> {
    let (mut counted, mut start) = (HashMap::new(), None);
    loop {
        let page = counts.all(start).await?;
        counted.extend(page.items);
        start = page.next;
        if start.is_none() {
            return Ok(counted);
        }
    }
}

/// Whoever is being counted by an event at this moment is looked at again.
async fn repair(
    identities: &Identities,
    counts: &UserCounts,
    user: UserId,
    now: domain::Timestamp,
) -> Result<(), Failure> {
    for _turn in 0..store::TURNS {
        let recount = counts.judge(identities, user).await?;
        if counts.commit(recount, now).await? {
            return Ok(());
        }
    }
    Err(Failure::Contended)
}

fn named(status: Option<StatusName>) -> &'static str {
    status.map_or("nobody", StatusName::as_str)
}
