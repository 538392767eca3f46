//! Which system: that of a data folder, or a deployed one.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use cloud::{Cloud, SettingError};
use local::{Setup, Stack, StartError, functions::CallFailed};
use thiserror::Error;

/// The system that a command works on.
pub(crate) enum System {
    /// The data folder is ours as long as this is kept.
    Folder(Stack),
    Deployed(Box<Cloud>),
}

/// Why there is none to work on, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum NoSystem {
    #[error("there is no data in {0}: choose another folder with --data, or --deployed")]
    NoData(PathBuf),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Function(#[from] CallFailed),
    #[error("{0}: see `gatepost help outbox` or `gatepost help users` for what --deployed needs")]
    Setting(#[from] SettingError),
}

pub(crate) fn arguments() -> [Arg; 4] {
    [
        value("data", "DIR", "The data folder of `gatepost dev`, which must not run meanwhile")
            .default_value(".gatepost")
            .value_parser(value_parser!(PathBuf)),
        flag("deployed", "A deployed system, instead of a data folder").conflicts_with("data"),
        value("events-table", "NAME", "The table Events").requires("deployed").conflicts_with("data"),
        value("identities-table", "NAME", "The table Identities").requires("deployed").conflicts_with("data"),
    ]
}

impl System {
    /// The system that the arguments name. `options` stand for settings, which are read from the
    /// environment otherwise; `adjust` is done to a data folder's.
    pub(crate) fn open(
        arguments: &ArgMatches,
        options: &[(&str, &str)],
        adjust: impl FnOnce(Setup) -> Setup,
    ) -> Result<Self, NoSystem> {
        if arguments.get_flag("deployed") {
            return Self::deployed(options.iter().filter_map(|(option, setting)| {
                let mut raw = arguments.get_raw(option)?;
                Some(((*setting).to_owned(), raw.next()?.to_str()?.to_owned()))
            }));
        }
        Self::folder(arguments.get_one::<PathBuf>("data").cloned().unwrap_or_default(), adjust)
    }

    /// The system of a data folder.
    pub(crate) fn folder(folder: PathBuf, adjust: impl FnOnce(Setup) -> Setup) -> Result<Self, NoSystem> {
        if !folder.join("gatepost.db").is_file() {
            return Err(NoSystem::NoData(folder));
        }
        Ok(Self::Folder(adjust(Stack::folder(folder)).start()?))
    }

    /// The deployed system of the environment, with these settings in the place of its own.
    pub(crate) fn deployed(chosen: impl IntoIterator<Item = (String, String)>) -> Result<Self, NoSystem> {
        let cloud = Cloud::of_environment_but(chosen);
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            cloud.settings().text(name)?;
        }
        Ok(Self::Deployed(cloud.into()))
    }

    /// What a function of the system is wired from; of a deployed one the environment has it all.
    pub(crate) fn cloud(&self, function: &str) -> Result<Cloud, NoSystem> {
        match self {
            Self::Folder(stack) => Ok(stack.cloud(function)?),
            Self::Deployed(cloud) => Ok(Cloud::clone(cloud)),
        }
    }
}

pub(crate) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help)
}

pub(crate) fn value(name: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).value_name(value).help(help)
}
