//! `gatepost data finish-restore`: ends all sessions after a restore of the tables, and erases users again
//! who were erased after the restored time. Each step can be repeated.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    time::Duration,
};

use clap::{Args, value_parser};
use cloud::{Clock, Random};
use domain::{Actor, EventContext, User, UserId};
use erase_users::Erasing;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use store::{CommitError, Erasure, LastAdministrator, Store, StoreError};

use super::{
    OnePlace,
    place::{Place, Tables, patiently},
};
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
    stack::Account,
};

/// Users that are changed concurrently.
const AT_ONCE: usize = 16;
/// The events that this command itself commits; an interrupted run may have committed some.
const OWN: [&str; 3] = ["user.restored", "user.deletion-requested", "user.erased"];

struct Restoring {
    store: Store,
    erasing: Erasing,
    clock: Clock,
    random: Random,
    correlation_id: String,
}

#[derive(Args)]
pub(super) struct FinishRestore {
    #[command(flatten)]
    one: OnePlace,
    /// The new EventEpoch, higher than any used before
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(2..))]
    event_epoch: u64,
    /// Erase the users in this file again: one id a line, as `data list-erased` prints them
    #[arg(long, value_name = "FILE")]
    erased: Option<PathBuf>,
    /// The issuer of the events, if the system will run at another URL
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// Do not ask for confirmation
    #[arg(long)]
    yes: bool,
}

impl FinishRestore {
    pub(super) async fn run(self, account: &Account, report: Report) -> Result<ExitCode, CliError> {
        let erased = self.erased.as_ref().map(ids).transpose()?.unwrap_or_default();
        if !report.is_confirmed(self.yes, "All users must sign in again. Continue?")? {
            return Ok(ExitCode::Unconfirmed);
        }
        let (place, epoch) = (self.one.place()?, self.event_epoch);
        let tables = Tables::changing(&place, account, epoch, self.issuer.as_ref()).await?;
        if is_used(&tables, epoch).await? {
            return Err(CliError::EpochUsed(epoch));
        }
        let cloud = &tables.cloud;
        let (clock, random) = (cloud.clock(), cloud.random());
        let correlation_id = random.uuid().to_string();
        let (store, erasing) = (Store::new(cloud)?, Erasing::new(cloud)?);
        let restoring = Restoring { store, erasing, clock, random, correlation_id };
        let mut again = 0;
        for id in &erased {
            again += usize::from(restoring.erase(*id).await?);
        }
        let ended = restoring.everybody().await?;
        report
            .line(&format!("ended all sessions of {ended} users, erased {again} of {} again", erased.len()));
        report.document(json!({"sessions_ended": ended, "erased_again": again, "erased": erased.len()}));
        Ok(ExitCode::Done)
    }
}

/// Prints the ids of erased users, for `gatepost data list-erased`.
pub(super) async fn list(place: &Place, account: &Account, report: &Report) -> Result<ExitCode, CliError> {
    let found = RefCell::new(Vec::new());
    let source = place.source(account).await?;
    source
        .visit(async |items| {
            found.borrow_mut().extend(items.iter().filter_map(store::RawItem::erased_user));
            Ok(())
        })
        .await?;
    let found = found.into_inner();
    for id in &found {
        report.line(&id.to_string());
    }
    report.document(json!({"erased": found}));
    Ok(ExitCode::Done)
}

fn ids(path: &PathBuf) -> Result<Vec<UserId>, CliError> {
    let text = fs::read_to_string(path).map_err(|error| CliError::File(path.clone(), error))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let id =
        |(number, line): (usize, &str)| line.trim().parse().map_err(|_| CliError::NoId(path.clone(), number));
    lines.map(id).collect()
}

/// Returns whether events of this epoch or a later one exist. Consumers would ignore new events of such an
/// epoch.
async fn is_used(tables: &Tables, epoch: u64) -> Result<bool, CliError> {
    let is_used = Cell::new(false);
    tables
        .visit(async |items| {
            let mut events = items.iter().filter_map(store::RawItem::event_epoch);
            let is_after =
                |(of, kind): (u64, String)| of > epoch || of == epoch && !OWN.contains(&kind.as_str());
            is_used.set(is_used.get() || events.any(is_after));
            Ok(())
        })
        .await?;
    Ok(is_used.get())
}

impl Restoring {
    async fn everybody(&self) -> Result<usize, CliError> {
        let (progress, mut ended, mut start) = (Progress::of("users"), 0, None);
        loop {
            let page = self.store.identities().users(start).await?;
            progress.add(page.items.len());
            let users: Vec<User> =
                page.items.into_iter().collect::<Result<_, _>>().map_err(CliError::Unreadable)?;
            let each = users.into_iter().map(|user| self.end_sessions(user));
            let each: Vec<bool> = stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await?;
            ended += each.into_iter().filter(|is_ended| *is_ended).count();
            start = page.next;
            if start.is_none() {
                return Ok(ended);
            }
        }
    }

    /// Ends the sessions of a user. Returns `false` if an earlier run has done so.
    async fn end_sessions(&self, user: User) -> Result<bool, CliError> {
        if patiently(async || self.store.is_restored(&user).await).await? {
            return Ok(false);
        }
        let restored = user.restored(self.cause());
        patiently(async || Ok(self.store.answering(None).restore_user(&restored).await?)).await?;
        Ok(true)
    }

    /// Erases a user again. Returns whether the user existed.
    async fn erase(&self, id: UserId) -> Result<bool, CliError> {
        let Some(user) = self.store.identities().user(id).await? else { return Ok(false) };
        let erasure = match Erasure::of(&user) {
            Some(erasure) => erasure,
            None => self.request_deletion(&user).await?,
        };
        Ok(Box::pin(self.erasing.erase(erasure, &self.correlation_id)).await?)
    }

    async fn request_deletion(&self, user: &User) -> Result<Erasure, CliError> {
        let deletion = user.request_deletion(Duration::ZERO, self.cause());
        match self.store.answering(None).change_user(&deletion).await {
            Ok(()) => {
                let after = &deletion.after;
                // This change has scheduled the erasure.
                Ok(Erasure::of(after).unwrap_or(Erasure { user_id: user.id, due_at: after.updated_at }))
            }
            Err(CommitError::Rejected(LastAdministrator)) => Err(CliError::LastAdministrator(user.id)),
            Err(CommitError::Conflict) => Err(StoreError::Contended.into()),
            Err(CommitError::Store(failure)) => Err(failure.into()),
        }
    }

    fn cause(&self) -> EventContext {
        let occurred_at = self.clock.now();
        EventContext {
            event_id: self.random.id(occurred_at),
            occurred_at,
            actor: Actor::Operator,
            correlation_id: self.correlation_id.clone(),
            traceparent: None,
        }
    }
}
