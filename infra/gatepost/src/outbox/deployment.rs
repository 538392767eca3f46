//! The outbox of a data folder or a deployed system.

use clap::Args;
use cloud::{Clock, Cloud};
use local::Setup;
use store::{Identities, Outbox};

use crate::{
    error::CliError,
    system::{System, Target},
};

/// The system of the outbox.
pub(crate) struct Deployment {
    pub(crate) outbox: Outbox,
    /// The cloud of a function that publishes.
    pub(crate) events: Cloud,
    /// The cloud of a function that reads users.
    identities: Cloud,
    /// Keeps the lock on the data folder.
    _system: System,
}

#[derive(Args)]
pub(crate) struct DeploymentOptions {
    #[command(flatten)]
    target: Target,
    /// Publish to this event bus, by name or ARN, instead of the stack's
    #[arg(long, value_name = "NAME", requires = "stack", conflicts_with = "data", global = true)]
    bus: Option<String>,
    /// Days to keep delivered events in a data folder; 0 keeps them forever
    #[arg(long, value_name = "N", conflicts_with = "stack", global = true,
        value_parser = clap::value_parser!(u32).range(..=3650))]
    retention_days: Option<u32>,
}

impl Deployment {
    pub(crate) async fn open(options: &DeploymentOptions) -> Result<Self, CliError> {
        let adjust = |setup: Setup| match options.retention_days {
            Some(days) => setup.with_parameter("EventRetentionDays", &days.to_string()),
            None => setup,
        };
        let system = options.target.open_with(adjust).await?;
        let (events, identities) = (system.cloud("sweep-events")?, system.cloud("read-profile")?);
        let bus = options.bus.as_ref().map(|bus| ("EVENT_BUS".to_owned(), bus.clone()));
        let events = events.with_settings(events.settings().clone().but(bus));
        // Whole pages of a table need longer timeouts. The bus is called as by relay and sweeper.
        let outbox = Outbox::new(&events.clone().patient())?;
        Ok(Self { outbox, events, identities: identities.patient(), _system: system })
    }

    pub(crate) fn identities(&self) -> Result<Identities, CliError> {
        Ok(Identities::new(&self.identities)?)
    }

    pub(crate) fn clock(&self) -> Clock {
        self.events.clock()
    }
}
