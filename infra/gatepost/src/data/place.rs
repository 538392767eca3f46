//! Where a whole system can be: a data folder, a deployed stack, two tables, a file.

use std::{fmt, path::PathBuf, str::FromStr};

use cloud::Cloud;
use futures_util::future::try_join_all;
use local::Stack;
use store::{StoreError, StoredItem, Table, WholeTables};

use super::file::Lines;
use crate::{error::CliError, stack::Account, system::System};

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
    Deployed(DeployedTables),
    File(PathBuf),
}

/// Tables of DynamoDB, as they are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeployedTables {
    OfStack(String),
    Named { identities: String, events: String },
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
            Some(("stack", name)) if !name.is_empty() => Ok(DeployedTables::OfStack(name.to_owned()).into()),
            Some(("ndjson", file)) if !file.is_empty() => Ok(Self::File(file.into())),
            Some(("tables", names)) => match names.split_once(',') {
                Some((identities, events)) if !identities.is_empty() && !events.is_empty() => {
                    let (identities, events) = (identities.to_owned(), events.to_owned());
                    Ok(DeployedTables::Named { identities, events }.into())
                }
                _ => Err("two tables are named like tables:IDENTITIES,EVENTS"),
            },
            _ => Err("it must look like folder:DIR, stack:NAME, tables:IDENTITIES,EVENTS or ndjson:FILE"),
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
            Self::Deployed(DeployedTables::OfStack(name)) => write!(f, "stack:{name}"),
            Self::Deployed(DeployedTables::Named { identities, events }) => {
                write!(f, "tables:{identities},{events}")
            }
            Self::File(path) => write!(f, "ndjson:{}", path.display()),
        }
    }
}

impl From<DeployedTables> for Place {
    fn from(tables: DeployedTables) -> Self {
        Self::Deployed(tables)
    }
}

impl Place {
    /// Opens it to be read.
    pub(crate) async fn source(&self, account: &Account) -> Result<Source, CliError> {
        match self {
            Self::Folder(path) => Tables::of(System::folder(path, |setup| setup)?).map(Source::from),
            Self::Deployed(tables) => Tables::deployed(tables, account, []).await.map(Source::from),
            Self::File(path) => Ok(Source::File(path.clone())),
        }
    }
}

impl Tables {
    /// Those of a data folder, which is made if it is not there.
    pub(crate) fn in_folder(path: &PathBuf) -> Result<Self, CliError> {
        let stack = Stack::folder(path).start()?;
        Self::of(System::Folder(stack))
    }

    /// Those of an account, where `chosen` settings stand before those of a stack.
    pub(crate) async fn deployed(
        tables: &DeployedTables,
        account: &Account,
        chosen: impl IntoIterator<Item = (&str, String)>,
    ) -> Result<Self, CliError> {
        let cloud = match tables {
            DeployedTables::OfStack(name) => account.stack(name).await?,
            DeployedTables::Named { identities, events } => {
                let names = [("IDENTITIES_TABLE", identities), ("EVENTS_TABLE", events)];
                let names = names.map(|(name, table)| (name.to_owned(), table.clone()));
                let account = account.cloud().await?;
                account.with_settings(names.into_iter().collect())
            }
        };
        let chosen = chosen.into_iter().map(|(name, value)| (name.to_owned(), value));
        let settings = cloud.settings().clone().but(chosen);
        Self::of(System::Deployed(cloud.with_settings(settings).into()))
    }

    /// Opened to be changed: by events of this epoch and, if it is not that of the place, this source.
    pub(crate) async fn changing(
        place: &Place,
        account: &Account,
        epoch: u64,
        issuer: Option<&String>,
    ) -> Result<Self, CliError> {
        let epoch = epoch.to_string();
        match place {
            Place::Folder(path) => Self::of(System::folder(path, |setup| {
                let setup = setup.with_parameter("EventEpoch", &epoch);
                issuer.map_or(setup.clone(), |issuer| setup.at(issuer))
            })?),
            Place::Deployed(tables) => {
                // Nothing is said of a person here.
                let chosen = [("EVENT_EPOCH", epoch), ("EVENT_DETAIL", "ids".to_owned())];
                let issuer = issuer.map(|issuer| ("ISSUER", issuer.clone()));
                Self::deployed(tables, account, chosen.into_iter().chain(issuer)).await
            }
            Place::File(_) => Err(CliError::NotInAFile),
        }
    }

    fn of(system: System) -> Result<Self, CliError> {
        // A function that has both.
        let cloud = system.cloud("erase-users")?.patient();
        Ok(Self { whole: WholeTables::new(&cloud)?, cloud, _system: system })
    }
}

impl Tables {
    /// As [`Source::visit`].
    pub(crate) async fn visit(
        &self,
        visit: impl AsyncFn(Vec<StoredItem>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
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
        visit: impl AsyncFn(Vec<StoredItem>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
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
    visit: &impl AsyncFn(Vec<StoredItem>) -> Result<(), CliError>,
) -> Result<(), CliError> {
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
pub(crate) async fn patiently<T>(call: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
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
