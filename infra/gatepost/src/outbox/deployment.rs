//! Which outbox: that of a data folder, or that of a deployed system.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, value_parser};
use cloud::{Clock, Cloud};
use local::Stack;
use store::{Identities, Outbox};

use super::{OutboxError, flag, value};

/// Options that stand for settings of the functions, which are read from the environment otherwise.
const SETTINGS: [(&str, &str); 4] = [
    ("events-table", "EVENTS_TABLE"),
    ("identities-table", "IDENTITIES_TABLE"),
    ("bus", "EVENT_BUS"),
    ("retention-days", "EVENT_RETENTION_DAYS"),
];

/// The system whose outbox it is.
pub(crate) struct Deployment {
    pub(crate) outbox: Outbox,
    /// What knows the bus.
    pub(crate) events: Cloud,
    /// What knows the users.
    identities: Cloud,
    /// Keeps the data folder ours.
    _stack: Option<Stack>,
}

pub(crate) fn arguments() -> [Arg; 6] {
    [
        value("data", "DIR", "The data folder of `gatepost dev`, which must not run meanwhile")
            .default_value(".gatepost")
            .value_parser(value_parser!(PathBuf)),
        flag("deployed", "A deployed system, instead of a data folder").conflicts_with("data"),
        value("events-table", "NAME", "The table Events").requires("deployed").conflicts_with("data"),
        value("identities-table", "NAME", "The table Identities").requires("deployed").conflicts_with("data"),
        value("bus", "NAME", "The event bus, by name or ARN").requires("deployed").conflicts_with("data"),
        value("retention-days", "N", "How many days a delivered event is kept; 0 for ever")
            .value_parser(value_parser!(u32).range(..=3650)),
    ]
}

impl Deployment {
    pub(crate) fn open(arguments: &ArgMatches) -> Result<Self, OutboxError> {
        if arguments.get_flag("deployed") { Self::deployed(arguments) } else { Self::folder(arguments) }
    }

    fn deployed(arguments: &ArgMatches) -> Result<Self, OutboxError> {
        let chosen = SETTINGS.into_iter().filter_map(|(option, setting)| {
            let mut raw = arguments.get_raw(option)?;
            Some((setting.to_owned(), raw.next()?.to_str()?.to_owned()))
        });
        let cloud = Cloud::of_environment_but(chosen);
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            cloud.settings().text(name)?;
        }
        Self::of(cloud.clone(), cloud, None)
    }

    fn folder(arguments: &ArgMatches) -> Result<Self, OutboxError> {
        let folder = arguments.get_one::<PathBuf>("data").cloned().unwrap_or_default();
        if !folder.join("gatepost.db").is_file() {
            return Err(OutboxError::NoData(folder));
        }
        let mut setup = Stack::folder(folder);
        if let Some(days) = arguments.get_one::<u32>("retention-days") {
            setup = setup.with_parameter("EventRetentionDays", &days.to_string());
        }
        let stack = setup.start()?;
        let (events, identities) = (stack.cloud("sweep-events")?, stack.cloud("read-profile")?);
        Self::of(events, identities, Some(stack))
    }

    /// Tables are read in whole pages, which takes its time; the bus is called as relay and sweeper do.
    fn of(events: Cloud, identities: Cloud, stack: Option<Stack>) -> Result<Self, OutboxError> {
        let outbox = Outbox::new(&events.clone().patient())?;
        Ok(Self { outbox, events, identities: identities.patient(), _stack: stack })
    }

    pub(crate) fn identities(&self) -> Result<Identities, OutboxError> {
        Ok(Identities::new(&self.identities)?)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.events.clock()
    }
}
