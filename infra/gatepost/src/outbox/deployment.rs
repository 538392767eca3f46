//! Which outbox: that of a data folder, or that of a deployed system.

use clap::{Arg, ArgMatches, value_parser};
use cloud::{Clock, Cloud};
use local::Setup;
use store::{Identities, Outbox};

use super::OutboxError;
use crate::system::{self, System, value};

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
        value("bus", "NAME", "Publish to this event bus, by name or ARN, instead of the stack's")
            .requires("stack")
            .conflicts_with("data"),
        value(
            "retention-days",
            "N",
            "Keep delivered events in a data folder for so many days; 0 keeps them for ever",
        )
        .conflicts_with("stack")
        .value_parser(value_parser!(u32).range(..=3650)),
    ];
    system::arguments().into_iter().chain(own)
}

impl Deployment {
    pub(crate) async fn open(arguments: &ArgMatches) -> Result<Self, OutboxError> {
        let adjust = |setup: Setup| match arguments.get_one::<u32>("retention-days") {
            Some(days) => setup.with_parameter("EventRetentionDays", &days.to_string()),
            None => setup,
        };
        let system = System::open(arguments, adjust).await?;
        let (events, identities) = (system.cloud("sweep-events")?, system.cloud("read-profile")?);
        let bus = arguments.get_one::<String>("bus").map(|bus| ("EVENT_BUS".to_owned(), bus.clone()));
        let events = events.with_settings(events.settings().clone().but(bus));
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
