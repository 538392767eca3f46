//! The system of a command: a data folder or a deployed stack.

use std::path::{Path, PathBuf};

use clap::Args;
use cloud::Cloud;
use local::{Setup, Stack};

use crate::{error::CliError, stack::Account};

/// The system of a command.
pub(crate) enum System {
    /// Holds the lock on the data folder.
    Folder(Stack),
    Deployed(Box<Cloud>),
}

// The options of every command for a system. Clap would show a doc comment as the command's help.
#[derive(Args)]
pub(crate) struct Target {
    /// Work on this data folder of `gatepost dev`, which must not be running
    #[arg(long, value_name = "DIR", default_value = ".gatepost", global = true)]
    pub(crate) data: PathBuf,
    /// Work on this deployed CloudFormation stack
    #[arg(long, value_name = "NAME", conflicts_with = "data", global = true)]
    pub(crate) stack: Option<String>,
    /// Use this profile of the AWS configuration [default: AWS_PROFILE]
    #[arg(long, value_name = "NAME", requires = "stack", conflicts_with = "data", global = true)]
    profile: Option<String>,
    /// Use this AWS region [default: AWS_REGION, or the profile's]
    #[arg(long, value_name = "REGION", requires = "stack", conflicts_with = "data", global = true)]
    region: Option<String>,
}

impl Target {
    pub(crate) async fn open(&self) -> Result<System, CliError> {
        self.open_with(|setup| setup).await
    }

    /// Opens the system. `adjust` changes the setup of a data folder.
    pub(crate) async fn open_with(&self, adjust: impl FnOnce(Setup) -> Setup) -> Result<System, CliError> {
        match &self.stack {
            Some(stack) => Ok(System::Deployed(self.account().stack(stack).await?.into())),
            None => System::folder(&self.data, adjust),
        }
    }

    pub(crate) fn account(&self) -> Account {
        Account::new(self.profile.clone(), self.region.clone())
    }
}

impl System {
    /// Opens the system of a data folder.
    pub(crate) fn folder(folder: &Path, adjust: impl FnOnce(Setup) -> Setup) -> Result<Self, CliError> {
        if !folder.join("gatepost.db").is_file() {
            return Err(CliError::NoData(folder.to_owned()));
        }
        Ok(Self::Folder(adjust(Stack::folder(folder)).start()?))
    }

    /// Returns the cloud for wiring a function. The settings of a stack serve all functions.
    pub(crate) fn cloud(&self, function: &str) -> Result<Cloud, CliError> {
        match self {
            Self::Folder(stack) => Ok(stack.cloud(function)?),
            Self::Deployed(cloud) => Ok(Cloud::clone(cloud)),
        }
    }
}
