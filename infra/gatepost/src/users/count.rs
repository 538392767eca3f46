//! `gatepost users count`: compares the counts of users and of administrators with the users.

use std::collections::HashMap;

use clap::Args;
use domain::{Role, StatusName, User, UserId};
use serde_json::json;
use store::{
    AdministratorCount, CommitError, Identities, Recount, StoreError, UserCounts, retry_on_conflict,
};

use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report, moment},
    system::System,
};

#[derive(Args)]
pub(super) struct Count {
    /// Correct the wrong counts
    #[arg(long)]
    repair: bool,
}

impl Count {
    pub(super) async fn run(self, system: &System, report: &Report) -> Result<ExitCode, CliError> {
        let cloud = system.cloud("count-users")?.patient();
        let identities = Identities::new(&cloud)?;
        let counts = UserCounts::new(&cloud, identities.client())?;
        let Found { wrong, administrators } = find(&identities, &counts).await?;
        for Recount { user_id, before, after } in &wrong {
            report.line(&format!("{user_id} is counted as {}, but is {}", named(*before), named(*after)));
        }
        if !administrators.is_right() {
            report.line(&format!(
                "{} administrators are counted, and {} can sign in",
                administrators.counted.administrators, administrators.able
            ));
        }
        let is_repaired = self.repair;
        if is_repaired {
            repair_administrators(&identities, administrators.clone()).await?;
            for Recount { user_id, .. } in &wrong {
                repair(&identities, &counts, *user_id, cloud.clock().now()).await?;
            }
        }
        let shown = counts.read().await?;
        let of = |status| shown.of.get(&status).copied().unwrap_or_default();
        let each = StatusName::ALL.map(|status| format!("{status} {}", of(status)));
        report.line(&format!("{}, together {}", each.join(", "), shown.total()));
        report.line(&format!("{} can administer", administrators.able));
        let did = if is_repaired { "recounted" } else { "counted wrongly" };
        report.line(&format!("{} users {did}", wrong.len()));
        report.document(json!({
        "counts": StatusName::ALL.map(|status| (status.as_str(), of(status))).into_iter().collect::<HashMap<_, _>>(),
        "total": shown.total(),
        "as_of": moment(shown.as_of),
        "wrong": wrong.len(),
        "administrators": administrators.able,
        "administrators_counted": administrators.counted.administrators,
        "repaired": is_repaired,
    }));
        let is_right = wrong.is_empty() && administrators.is_right();
        Ok(if is_right || is_repaired { ExitCode::Done } else { ExitCode::Findings })
    }
}

/// The result of reading all users.
struct Found {
    /// The users who are counted with another status than they have.
    wrong: Vec<Recount>,
    administrators: Administrators,
}

/// The counted and the actual administrators.
#[derive(Clone)]
struct Administrators {
    counted: AdministratorCount,
    /// The number of administrators who can sign in.
    able: u64,
    /// Administrators without a password whose items, from an earlier release, do not say so.
    without_password: Vec<User>,
}

impl Administrators {
    const fn is_right(&self) -> bool {
        self.counted.administrators == self.able && self.without_password.is_empty()
    }

    async fn of(
        identities: &Identities,
        counted: AdministratorCount,
        users: Vec<User>,
    ) -> Result<Self, StoreError> {
        let (mut able, mut without_password) = (0, Vec::new());
        for user in users {
            let Some((user, credential)) = identities.account(user).await? else { continue };
            let none = hashing::nothing();
            match credential.is_none_or(|credential| credential.password_hash == none) {
                _ if !user.is_administrator() => {}
                true => without_password.push(user),
                false => able += 1,
            }
        }
        Ok(Self { counted, able, without_password })
    }
}

/// Reads all users. A user whose count differs is read again, because the event may still be on its way.
async fn find(identities: &Identities, counts: &UserCounts) -> Result<Found, CliError> {
    let (progress, mut suspects, mut start) = (Progress::of("users"), Vec::new(), None);
    // Read before the users, so that the correction detects concurrent changes.
    let administrators = identities.administrator_count().await?;
    let mut with_role = Vec::new();
    let mut counted = counted(counts).await?;
    loop {
        let page = identities.users(start).await?;
        progress.add(page.items.len());
        for user in page.items {
            let user = user.map_err(CliError::Unreadable)?;
            if counted.remove(&user.id) != Some(user.status.name()) {
                suspects.push(user.id);
            }
            if user.has_role(Role::ADMIN) {
                with_role.push(user);
            }
        }
        start = page.next;
        if start.is_none() {
            break;
        }
    }
    // Counted users who were not found do not exist.
    suspects.extend(counted.into_keys());
    let mut wrong = Vec::new();
    for suspect in suspects {
        let recount = counts.judge(identities, suspect).await?;
        wrong.extend((!recount.is_right()).then_some(recount));
    }
    let administrators = Administrators::of(identities, administrators, with_role).await?;
    Ok(Found { wrong, administrators })
}

/// Corrects the count of administrators. If it changes concurrently, all users are read again.
async fn repair_administrators(identities: &Identities, found: Administrators) -> Result<(), CliError> {
    let found = &found;
    retry_on_conflict(|attempt| async move {
        let again;
        let found = if attempt == 0 {
            found
        } else {
            let counted = identities.administrator_count().await?;
            again = Administrators::of(identities, counted, administrators(identities).await?).await?;
            &again
        };
        let mut is_done = true;
        for user in &found.without_password {
            is_done &= identities.note_missing_password(user).await?;
        }
        let Administrators { counted, able, .. } = *found;
        let is_right = counted.administrators == able;
        if is_done && (is_right || identities.recount_administrators(counted, able).await?) {
            Ok(())
        } else {
            Err(CliError::Commit(CommitError::Conflict))
        }
    })
    .await
}

async fn administrators(identities: &Identities) -> Result<Vec<User>, CliError> {
    let (mut found, mut start) = (Vec::new(), None);
    loop {
        let page = identities.users(start).await?;
        for user in page.items {
            let user = user.map_err(CliError::Unreadable)?;
            found.extend(Some(user).filter(|user| user.has_role(Role::ADMIN)));
        }
        start = page.next;
        if start.is_none() {
            return Ok(found);
        }
    }
}

async fn counted(counts: &UserCounts) -> Result<HashMap<UserId, StatusName>, StoreError> {
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

/// Corrects the count of a user. If an event counts the user concurrently, the user is read again.
async fn repair(
    identities: &Identities,
    counts: &UserCounts,
    user: UserId,
    now: domain::Timestamp,
) -> Result<(), StoreError> {
    let repaired = retry_on_conflict(|_| async {
        let recount = counts.judge(identities, user).await?;
        if counts.commit(recount, now).await? { Ok(()) } else { Err(CommitError::Conflict) }
    });
    Ok(repaired.await?)
}

fn named(status: Option<StatusName>) -> &'static str {
    status.map_or("not a user", StatusName::as_str)
}
