//! `gatepost data copy`: copies first everything without side effects, then compares the two places, and only
//! then copies the rest. If anything fails before, the destination has published no event and erased no user.

use std::cell::{Cell, RefCell};

use clap::Args;
use cloud::Clock;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use store::{Added, Copying, Kind, RawItem, Table};

use super::{
    file::{Lines, Writer},
    place::{Place, Source, Tables, patiently},
    sums::Sums,
};
use crate::{
    cli::ExitCode,
    error::CliError,
    report::{Progress, Report},
    stack::Account,
};

/// Partitions that are written concurrently. The items of one partition are written in sequence.
const AT_ONCE: usize = 32;

/// The number of copied items.
#[derive(Default)]
struct Done {
    added: Cell<u64>,
    were_there: Cell<u64>,
    are_others: Cell<u64>,
}

#[derive(Args)]
pub(super) struct Copy {
    /// Copy from this place, which must not change during the copy
    #[arg(long, value_name = "PLACE")]
    from: Place,
    /// Copy to this place, which must be empty or have the beginning of the same copy
    #[arg(long, value_name = "PLACE")]
    to: Place,
    /// Read and check everything, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Copy {
    pub(super) async fn run(&self, account: &Account, report: Report) -> Result<ExitCode, CliError> {
        let report = &report.dry_run(self.dry_run);
        let source = self.from.source(account).await?;
        let name = match &source {
            Source::Tables(_) => self.from.to_string(),
            // Named after its content, because the file may have been moved.
            Source::File(path) => format!("a file of {}", Lines::check(path)?.json()),
        };
        if report.dry_run {
            return look(&source, report).await;
        }
        match &self.to {
            Place::Folder(path) => into_tables(&source, &name, Tables::in_folder(path)?, report).await,
            Place::Deployed(tables) => {
                into_tables(&source, &name, Tables::deployed(tables, account, []).await?, report).await
            }
            Place::File(path) => {
                into_file(&source, Writer::create(path, Clock::system().now())?, report).await
            }
        }
    }
}

async fn look(source: &Source, report: &Report) -> Result<ExitCode, CliError> {
    let sums = Sums::in_place(source, Clock::system().now(), |kind| kind != Kind::Machinery).await?;
    let [identities, events] = Table::ALL.map(|table| sums.of(table).items);
    report.line(&format!("would copy {identities} items of Identities and {events} of Events"));
    report.document(json!({"source": sums.json()}));
    Ok(ExitCode::Done)
}

async fn into_tables(source: &Source, name: &str, to: Tables, report: &Report) -> Result<ExitCode, CliError> {
    let (clock, run, done) = (to.cloud.clock(), to.cloud.random().uuid().to_string(), Done::default());
    let copying = to.whole.begin(name, &run, clock.now()).await?;
    if !copying.is_proven {
        add(source, &to, &copying, Kind::Quiet, &done).await?;
        let now = clock.now();
        let is_quiet = |kind| kind == Kind::Quiet;
        let read = Sums::in_place(source, now, is_quiet).await?;
        let written = Sums::in_tables(&to, now, is_quiet).await?;
        if read != written {
            return Ok(tell_difference((read, written), &done, report));
        }
        to.whole.prove(&copying, now).await?;
    }
    add(source, &to, &copying, Kind::Waking, &done).await?;
    to.whole.end(&copying).await?;
    let (added, were_there) = (done.added.get(), done.were_there.get() + done.are_others.get());
    report
        .line(&format!("copied {added} items, {were_there} were there already: the two places are the same"));
    report.document(json!({"copied": added, "already_there": were_there, "same": true}));
    Ok(ExitCode::Done)
}

/// Adds the items of a kind that have not expired.
async fn add(
    source: &Source,
    to: &Tables,
    copying: &Copying,
    kind: Kind,
    done: &Done,
) -> Result<(), CliError> {
    let (now, progress) = (to.cloud.clock().now(), Progress::of("items copied"));
    source
        .visit(async |items| {
            let items: Vec<_> =
                items.into_iter().filter(|item| item.kind() == kind && !item.expires_by(now)).collect();
            if items.is_empty() {
                return Ok(());
            }
            if !patiently(async || to.whole.goes_on(copying).await).await? {
                return Err(CliError::TakenOver);
            }
            progress.add(items.len());
            let each = by_partition(items).into_iter().map(|items| add_in_order(to, items, done));
            stream::iter(each).buffer_unordered(AT_ONCE).try_collect::<()>().await
        })
        .await
}

/// Adds events in order. If a relay is running, an event added before its predecessor would be published
/// first.
async fn add_in_order(to: &Tables, items: Vec<RawItem>, done: &Done) -> Result<(), CliError> {
    for item in items {
        let counted = match patiently(async || to.whole.add(&item).await).await? {
            Added::New => &done.added,
            Added::Same => &done.were_there,
            Added::Other => &done.are_others,
        };
        counted.set(counted.get() + 1);
    }
    Ok(())
}

fn by_partition(items: Vec<RawItem>) -> Vec<Vec<RawItem>> {
    let mut partitions: Vec<Vec<RawItem>> = Vec::new();
    for item in items {
        match partitions.last_mut() {
            Some(last) if last.iter().all(|other| other.partition() == item.partition()) => last.push(item),
            _ => partitions.push(vec![item]),
        }
    }
    partitions
}

async fn into_file(source: &Source, writer: Writer, report: &Report) -> Result<ExitCode, CliError> {
    let (now, progress, writer) = (Clock::system().now(), Progress::of("items copied"), RefCell::new(writer));
    let is_copied = |item: &RawItem| item.kind() != Kind::Machinery && !item.expires_by(now);
    source
        .visit(async |items| {
            progress.add(items.len());
            let mut writer = writer.borrow_mut();
            items.iter().filter(|item| is_copied(item)).try_for_each(|item| writer.write(item))
        })
        .await?;
    let mut writer = writer.into_inner();
    writer.end()?;
    let is_copied = |kind| kind != Kind::Machinery;
    let read = Sums::in_place(source, now, is_copied).await?;
    let written = Sums::in_place(&Source::File(writer.unfinished().to_owned()), now, is_copied).await?;
    if read != written {
        return Ok(tell_difference((read, written), &Done::default(), report));
    }
    let sums = writer.finish()?;
    let [identities, events] = Table::ALL.map(|table| sums.of(table).items);
    report.line(&format!(
        "copied {identities} items of Identities and {events} of Events: the file holds password hashes, keep it as a \
         secret"
    ));
    report.document(
        json!({"copied": identities + events, "already_there": 0, "same": true, "file": sums.json()}),
    );
    Ok(ExitCode::Done)
}

fn tell_difference((read, written): (Sums, Sums), done: &Done, report: &Report) -> ExitCode {
    for table in Table::ALL.into_iter().filter(|table| read.of(*table) != written.of(*table)) {
        let (read, written) = (read.of(table), written.of(table));
        report.line(&format!(
            "{table}: {} items in the source, {} in the copy; checksums {read}, {written}",
            read.items, written.items
        ));
    }
    report.line(
        "the copy is not the same: the source has changed meanwhile, or the destination has. Let both stand still, empty \
         the destination, and copy again",
    );
    report.document(json!({
        "copied": done.added.get(), "already_there": done.were_there.get(), "others_there": done.are_others.get(),
        "same": false, "source": read.json(), "destination": written.json(),
    }));
    ExitCode::Findings
}
