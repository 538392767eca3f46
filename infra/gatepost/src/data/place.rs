//! Where a whole system can be: a data folder, two tables, a file.

use std::{fmt, path::PathBuf, str::FromStr};

use cloud::Cloud;
use futures_util::future::try_join_all;
use local::Stack;
use store::{Failure, StoredItem, Table, WholeTables};

use super::{DataError, file::Lines};
use crate::system::{NoSystem, System};

/// Parts of a table that are read at once.
const SEGMENTS: u16 = 4;
/// Items of a file that are handled together.
const TOGETHER: usize = 500;
/// A table that is busy is given time: all pauses together are some three minutes.
const ATTEMPTS: u32 = 12;
const FIRST_PAUSE_MILLIS: u64 = 100;
const LONGEST_PAUSE_MILLIS: u64 = 30_000;

/// A place, as it is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Tables { identities: String, events: String },
    File(PathBuf),
}

/// Two tables, and the system that they are of.
pub(crate) struct Tables {
    pub(crate) whole: WholeTables,
    pub(crate) cloud: Cloud,
    /// Keeps a data folder ours.
    _system: System,
}

/// A place that is read.
pub(crate) enum Source {
    Tables(Box<Tables>),
    File(PathBuf),
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("folder", folder)) if !folder.is_empty() => Ok(Self::Folder(folder.into())),
            Some(("ndjson", file)) if !file.is_empty() => Ok(Self::File(file.into())),
            Some(("tables", names)) => match names.split_once(',') {
                Some((identities, events)) if !identities.is_empty() && !events.is_empty() => {
                    Ok(Self::Tables { identities: identities.to_owned(), events: events.to_owned() })
                }
                _ => Err("two tables are named like tables:IDENTITIES,EVENTS"),
            },
            _ => Err("it must look like folder:DIR, tables:IDENTITIES,EVENTS or ndjson:FILE"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => {
                // The same folder however it is named.
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                write!(f, "folder:{}", path.display())
            }
            Self::Tables { identities, events } => write!(f, "tables:{identities},{events}"),
            Self::File(path) => write!(f, "ndjson:{}", path.display()),
        }
    }
}

impl Place {
    /// Opens it to be read.
    pub(crate) fn source(&self) -> Result<Source, DataError> {
        match self {
            Self::Folder(path) => Tables::of(System::folder(path.clone(), |setup| setup)?).map(Source::from),
            Self::Tables { identities, events } => Tables::named(identities, events).map(Source::from),
            Self::File(path) => Ok(Source::File(path.clone())),
        }
    }
}

impl Tables {
    /// Those of a data folder, which is made if it is not there.
    pub(crate) fn in_folder(path: &PathBuf) -> Result<Self, DataError> {
        let stack = Stack::folder(path).start().map_err(NoSystem::Start)?;
        Self::of(System::Folder(stack))
    }

    pub(crate) fn named(identities: &str, events: &str) -> Result<Self, DataError> {
        let names = [("IDENTITIES_TABLE", identities), ("EVENTS_TABLE", events)];
        let system = System::deployed(names.map(|(name, value)| (name.to_owned(), value.to_owned())))?;
        Self::of(system)
    }

    /// Opened to be changed: by events of this epoch and, if it is not that of the place, this source.
    pub(crate) fn changing(place: &Place, epoch: u64, issuer: Option<&String>) -> Result<Self, DataError> {
        let epoch = epoch.to_string();
        match place {
            Place::Folder(path) => Self::of(System::folder(path.clone(), |setup| {
                let setup = setup.with_parameter("EventEpoch", &epoch);
                issuer.map_or(setup.clone(), |issuer| setup.at(issuer))
            })?),
            Place::Tables { identities, events } => {
                let chosen = [
                    ("IDENTITIES_TABLE", Some(identities)),
                    ("EVENTS_TABLE", Some(events)),
                    ("EVENT_EPOCH", Some(&epoch)),
                    // Nothing is said of a person here.
                    ("EVENT_DETAIL", Some(&"ids".to_owned())),
                    ("ISSUER", issuer),
                ];
                let chosen =
                    chosen.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.clone())));
                Self::of(System::deployed(chosen.collect::<Vec<_>>())?)
            }
            Place::File(_) => Err(DataError::NotInAFile),
        }
    }

    fn of(system: System) -> Result<Self, DataError> {
        // A function that has both.
        let cloud = system.cloud("erase-users")?.patient();
        Ok(Self { whole: WholeTables::new(&cloud)?, cloud, _system: system })
    }
}

impl Tables {
    /// As [`Source::visit`].
    pub(crate) async fn visit(
        &self,
        visit: impl AsyncFn(Vec<StoredItem>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        for table in Table::ALL {
            let parts = (0..SEGMENTS).map(|part| visit_part(&self.whole, table, part, &visit));
            try_join_all(parts).await?;
        }
        Ok(())
    }
}

impl From<Tables> for Source {
    fn from(tables: Tables) -> Self {
        Self::Tables(tables.into())
    }
}

impl Source {
    /// Hands everything that there is to `visit`, some items at a time. What is in one partition comes one after
    /// the other, and the events of a stream in their order.
    pub(crate) async fn visit(
        &self,
        visit: impl AsyncFn(Vec<StoredItem>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        match self {
            Self::Tables(tables) => tables.visit(visit).await,
            Self::File(path) => {
                let mut lines = Lines::open(path)?;
                loop {
                    let items = lines.by_ref().take(TOGETHER).collect::<Result<Vec<_>, _>>()?;
                    if items.is_empty() {
                        return Ok(());
                    }
                    visit(items).await?;
                }
            }
        }
    }
}

async fn visit_part(
    tables: &WholeTables,
    table: Table,
    part: u16,
    visit: &impl AsyncFn(Vec<StoredItem>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut start = None;
    loop {
        let page = patiently(async || tables.items(table, (part, SEGMENTS), start.as_ref()).await).await?;
        visit(page.items).await?;
        start = page.next;
        if start.is_none() {
            return Ok(());
        }
    }
}

/// Calls until the table has time, within reason: DynamoDB says itself how quick one may be.
pub(crate) async fn patiently<T>(call: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
    for attempt in 0..ATTEMPTS {
        match call().await {
            Err(failure) if failure.is_retryable() => {
                let pause = (FIRST_PAUSE_MILLIS << attempt).min(LONGEST_PAUSE_MILLIS);
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
            outcome => return outcome,
        }
    }
    call().await
}
