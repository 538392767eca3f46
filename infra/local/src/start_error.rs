//! The reasons why a stack does not start.

use std::path::PathBuf;

use thiserror::Error;

use crate::{functions::CallFailed, template::TemplateError};

/// Why a stack does not start, in one sentence.
#[derive(Debug, Error)]
pub enum StartError {
    /// The template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The data folder.
    #[error("the data folder {0} cannot be used: {1}")]
    Folder(PathBuf, String),
    /// Somebody else uses the data folder.
    #[error("the data folder {0} is used by another process: stop that one, or choose another with --data")]
    FolderInUse(PathBuf),
    /// Others could read the secret.
    #[error(
        "others can read the secret in {0}: permit it to yourself only (chmod 600), or remove it if it is known"
    )]
    SecretReadable(PathBuf),
    /// The data is of another template.
    #[error(
        "the table {0} in the data folder was made by another version of the template: choose another folder with --data"
    )]
    OtherTables(String),
    /// The embedded database.
    #[error("the database cannot be used: {0}")]
    Storage(String),
    /// A function.
    #[error(transparent)]
    Function(#[from] CallFailed),
}

impl From<dynoxide::DynoxideError> for StartError {
    fn from(error: dynoxide::DynoxideError) -> Self {
        Self::Storage(error.to_string())
    }
}
