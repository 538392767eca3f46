//! Which outbox: that of a data folder, or that of a deployed system.

use clap::{Arg, ArgMatches, value_parser};
use cloud::{Clock, Cloud};
use store::{Identities, Outbox};

use super::OutboxError;
use crate::system::{self, System, value};

/// Options that stand for settings of the functions.
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
    _system: System,
}

pub(crate) fn arguments() -> impl Iterator<Item = Arg> {
    let own = [
        value("bus", "NAME", "The event bus, by name or ARN").requires("deployed").conflicts_with("data"),
        value("retention-days", "N", "How many days a delivered event is kept; 0 for ever")
            .value_parser(value_parser!(u32).range(..=3650)),
    ];
    system::arguments().into_iter().chain(own)
}

impl Deployment {
    pub(crate) fn open(arguments: &ArgMatches) -> Result<Self, OutboxError> {
        let system =
            System::open(arguments, &SETTINGS, |setup| match arguments.get_one::<u32>("retention-days") {
                Some(days) => setup.with_parameter("EventRetentionDays", &days.to_string()),
                None => setup,
            })?;
        let (events, identities) = (system.cloud("sweep-events")?, system.cloud("read-profile")?);
        // Tables are read in whole pages, which takes its time; the bus is called as relay and sweeper do.
        let outbox = Outbox::new(&events.clone().patient())?;
        Ok(Self { outbox, events, identities: identities.patient(), _system: system })
    }

    pub(crate) fn identities(&self) -> Result<Identities, OutboxError> {
        Ok(Identities::new(&self.identities)?)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.events.clock()
    }
}
