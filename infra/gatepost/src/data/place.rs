//! The places of a system: a data folder, a deployed stack, two tables, or a file.

use std::{fmt, path::PathBuf, str::FromStr};

use cloud::Cloud;
use futures_util::future::try_join_all;
use local::Stack;
use store::{RawItem, StoreError, Table, WholeTables};

use super::file::Lines;
use crate::{error::CliError, stack::Account, system::System};

/// Segments of a table that are read concurrently.
const SEGMENTS: u16 = 4;
/// Items of a file that are handled together.
const TOGETHER: usize = 500;
/// A throttled table is retried: all pauses together are about three minutes.
const ATTEMPTS: u32 = 12;
const FIRST_PAUSE_MILLIS: u64 = 100;
const LONGEST_PAUSE_MILLIS: u64 = 30_000;

/// The name of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Deployed(DeployedTables),
    File(PathBuf),
}

/// The names of DynamoDB tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeployedTables {
    OfStack(String),
    Named { identities: String, events: String },
}

/// Two tables and their system.
pub(crate) struct Tables {
    pub(crate) whole: WholeTables,
    pub(crate) cloud: Cloud,
    /// Keeps the lock on a data folder.
    _system: System,
}

/// A place to read from.
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
                _ => Err("must be tables:IDENTITIES,EVENTS"),
            },
            _ => Err("must be folder:DIR, stack:NAME, tables:IDENTITIES,EVENTS or ndjson:FILE"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => {
                // The same text for every path of a folder.
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
    /// Opens the place for reading.
    pub(crate) async fn source(&self, account: &Account) -> Result<Source, CliError> {
        match self {
            Self::Folder(path) => Tables::of(System::folder(path, |setup| setup)?).map(Source::from),
            Self::Deployed(tables) => Tables::deployed(tables, account, []).await.map(Source::from),
            Self::File(path) => Ok(Source::File(path.clone())),
        }
    }
}

impl Tables {
    /// Opens the tables of a data folder, which is created if it does not exist.
    pub(crate) fn in_folder(path: &PathBuf) -> Result<Self, CliError> {
        let stack = Stack::folder(path).start()?;
        Self::of(System::Folder(stack))
    }

    /// Opens tables of an account. The `chosen` settings take precedence over those of the stack.
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

    /// Opens the tables for changes, with events of this epoch, and of another `issuer` if one is given.
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
                // These commands publish no personal data.
                let chosen = [("EVENT_EPOCH", epoch), ("EVENT_DETAIL", "ids".to_owned())];
                let issuer = issuer.map(|issuer| ("ISSUER", issuer.clone()));
                Self::deployed(tables, account, chosen.into_iter().chain(issuer)).await
            }
            Place::File(_) => Err(CliError::NotInAFile),
        }
    }

    fn of(system: System) -> Result<Self, CliError> {
        // `erase-users` has access to both tables.
        let cloud = system.cloud("erase-users")?.patient();
        Ok(Self { whole: WholeTables::new(&cloud)?, cloud, _system: system })
    }
}

impl Tables {
    /// Visits the items. See [`Source::visit`].
    pub(crate) async fn visit(
        &self,
        visit: impl AsyncFn(Vec<RawItem>) -> Result<(), CliError>,
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
    /// Passes all items to `visit`, several at a time. Items of one partition follow each other, and the
    /// events of a stream are in order.
    pub(crate) async fn visit(
        &self,
        visit: impl AsyncFn(Vec<RawItem>) -> Result<(), CliError>,
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
    visit: &impl AsyncFn(Vec<RawItem>) -> Result<(), CliError>,
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

/// Retries a call while the table is throttled, up to a limit: DynamoDB decides how fast a client may be.
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
