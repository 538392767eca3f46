//! `gatepost data restored`: after the tables were restored to an earlier moment, nobody goes on as they were
//! afterwards, and who was erased afterwards is erased again. Each step can be repeated.

use std::{
    cell::{Cell, RefCell},
    fs,
    path::PathBuf,
    time::Duration,
};

use clap::ArgMatches;
use cloud::{Clock, Random};
use domain::{Actor, EventContext, User, UserId};
use erase_users::Erasing;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use store::{CommitError, Erasure, LastAdministrator, Store, StoreError};

use super::{
    DataError,
    place::{Place, Tables, patiently},
};
use crate::{
    outbox::Ended,
    report::{Progress, Report},
    stack::Account,
};

/// Users that are changed at once.
const AT_ONCE: usize = 16;
/// What this command itself commits: it may have been interrupted.
const OWN: [&str; 3] = ["user.restored", "user.deletion-requested", "user.erased"];

struct Restoring {
    store: Store,
    erasing: Erasing,
    clock: Clock,
    random: Random,
    correlation_id: String,
}

pub(super) async fn run(
    place: &Place,
    account: &Account,
    arguments: &ArgMatches,
    report: &Report,
) -> Result<Ended, DataError> {
    let erased = arguments.get_one::<PathBuf>("erased").map(ids).transpose()?.unwrap_or_default();
    if !report.is_confirmed("Everybody must sign in again. Go on?")? {
        return Ok(Ended::Unconfirmed);
    }
    let epoch = *arguments.get_one("event-epoch").unwrap_or(&u64::MAX);
    let tables = Tables::changing(place, account, epoch, arguments.get_one("issuer")).await?;
    if is_used(&tables, epoch).await? {
        return Err(DataError::EpochUsed(epoch));
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
    report.line(&format!("ended all sessions of {ended} users, erased {again} of {} again", erased.len()));
    report.document(json!({"sessions_ended": ended, "erased_again": again, "erased": erased.len()}));
    Ok(Ended::Well)
}

/// `gatepost data erased`.
pub(super) async fn list(place: &Place, account: &Account, report: &Report) -> Result<Ended, DataError> {
    let found = RefCell::new(Vec::new());
    let source = place.source(account).await?;
    source
        .visit(async |items| {
            found.borrow_mut().extend(items.iter().filter_map(store::StoredItem::erased_user));
            Ok(())
        })
        .await?;
    let found = found.into_inner();
    for id in &found {
        report.line(&id.to_string());
    }
    report.document(json!({"erased": found}));
    Ok(Ended::Well)
}

fn ids(path: &PathBuf) -> Result<Vec<UserId>, DataError> {
    let text = fs::read_to_string(path).map_err(|error| DataError::File(path.clone(), error))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let id = |(number, line): (usize, &str)| {
        line.trim().parse().map_err(|_| DataError::NoId(path.clone(), number))
    };
    lines.map(id).collect()
}

/// Whether somebody has worked under this epoch of events, or a later one: consumers would take what comes for
/// what they have.
async fn is_used(tables: &Tables, epoch: u64) -> Result<bool, DataError> {
    let is_used = Cell::new(false);
    tables
        .visit(async |items| {
            let mut events = items.iter().filter_map(store::StoredItem::event_epoch);
            let is_after =
                |(of, kind): (u64, String)| of > epoch || of == epoch && !OWN.contains(&kind.as_str());
            is_used.set(is_used.get() || events.any(is_after));
            Ok(())
        })
        .await?;
    Ok(is_used.get())
}

impl Restoring {
    async fn everybody(&self) -> Result<usize, DataError> {
        let (progress, mut ended, mut start) = (Progress::of("users"), 0, None);
        loop {
            let page = self.store.identities().users(start).await?;
            progress.add(page.items.len());
            let users: Vec<User> =
                page.items.into_iter().collect::<Result<_, _>>().map_err(DataError::Unreadable)?;
            let each = users.into_iter().map(|user| self.end_sessions(user));
            let each: Vec<bool> = stream::iter(each).buffer_unordered(AT_ONCE).try_collect().await?;
            ended += each.into_iter().filter(|is_ended| *is_ended).count();
            start = page.next;
            if start.is_none() {
                return Ok(ended);
            }
        }
    }

    /// Says whether it did: not if an earlier run has.
    async fn end_sessions(&self, user: User) -> Result<bool, DataError> {
        if patiently(async || self.store.is_restored(&user).await).await? {
            return Ok(false);
        }
        let restored = user.restored(self.cause());
        patiently(async || Ok(self.store.answering(None).restore_user(&restored).await?)).await?;
        Ok(true)
    }

    /// Erases somebody again; says whether they were there.
    async fn erase(&self, id: UserId) -> Result<bool, DataError> {
        let Some(user) = self.store.identities().user(id).await? else { return Ok(false) };
        let erasure = match Erasure::of(&user) {
            Some(erasure) => erasure,
            None => self.request_deletion(&user).await?,
        };
        Ok(Box::pin(self.erasing.erase(erasure, &self.correlation_id)).await?)
    }

    async fn request_deletion(&self, user: &User) -> Result<Erasure, DataError> {
        let deletion = user.request_deletion(Duration::ZERO, self.cause());
        match self.store.answering(None).change_user(&deletion).await {
            Ok(()) => {
                let after = &deletion.after;
                // The erasure is pending since this change.
                Ok(Erasure::of(after).unwrap_or(Erasure { user_id: user.id, due_at: after.updated_at }))
            }
            Err(CommitError::Rejected(LastAdministrator)) => Err(DataError::LastAdministrator(user.id)),
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
