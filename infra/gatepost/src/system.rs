//! The system that a command works on: that of a data folder, or a deployed stack.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use cloud::{Cloud, SettingError};
use local::{Setup, Stack, StartError, functions::CallFailed};
use thiserror::Error;

use crate::stack::{Account, StackError, account_arguments, stack_argument};

/// The system that a command works on.
pub(crate) enum System {
    /// The data folder is ours as long as this is kept.
    Folder(Stack),
    Deployed(Box<Cloud>),
}

/// A system that cannot be opened.
#[derive(Debug, Error)]
pub(crate) enum SystemError {
    #[error("there is no data in {0}: choose another folder with --data, or a deployed stack with --stack")]
    NoData(PathBuf),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Function(#[from] CallFailed),
    #[error(transparent)]
    Stack(#[from] StackError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] SettingError),
}

/// The options of every command that works on a system.
pub(crate) fn arguments() -> [Arg; 4] {
    let [profile, region] =
        account_arguments().map(|argument| argument.requires("stack").conflicts_with("data"));
    [
        value("data", "DIR", "Work on this data folder of `gatepost dev`, which must not be running")
            .default_value(".gatepost")
            .value_parser(value_parser!(PathBuf)),
        stack_argument().conflicts_with("data"),
        profile,
        region,
    ]
}

impl System {
    /// Opens the system that the arguments name. `adjust` changes the setup of a data folder.
    pub(crate) async fn open(
        arguments: &ArgMatches,
        adjust: impl FnOnce(Setup) -> Setup,
    ) -> Result<Self, SystemError> {
        match arguments.get_one::<String>("stack") {
            Some(stack) => Ok(Self::Deployed(Account::chosen(arguments).stack(stack).await?.into())),
            None => Self::folder(arguments.get_one::<PathBuf>("data").cloned().unwrap_or_default(), adjust),
        }
    }

    /// The system of a data folder.
    pub(crate) fn folder(folder: PathBuf, adjust: impl FnOnce(Setup) -> Setup) -> Result<Self, SystemError> {
        if !folder.join("gatepost.db").is_file() {
            return Err(SystemError::NoData(folder));
        }
        Ok(Self::Folder(adjust(Stack::folder(folder)).start()?))
    }

    /// The cloud that a function of the system is wired from; the settings of a stack serve all functions.
    pub(crate) fn cloud(&self, function: &str) -> Result<Cloud, SystemError> {
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
