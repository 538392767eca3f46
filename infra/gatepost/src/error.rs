//! The error of every command.

use std::{io, path::PathBuf};

use cloud::{AwsCallError, OperatorError};
use local::{StartError, functions::CallFailed, template::TemplateError};
use thiserror::Error;

use crate::users::formats::{Format, Place};

/// The reason why a command failed, in one sentence.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Function(#[from] CallFailed),
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("{0}: the system is not of this build; deploy the template of this build")]
    Setting(#[from] cloud::SettingError),
    #[error("{}", cloud::chain(.0))]
    Table(#[from] store::StoreError),
    #[error("{}", cloud::chain(.0))]
    Commit(#[from] store::CommitError<store::LastAdministrator>),
    #[error("{}", cloud::chain(.0))]
    Secret(#[from] cloud::SecretError),
    #[error("{}", cloud::chain(.0))]
    Keys(#[from] keys::KeyringError),
    #[error(transparent)]
    Hash(#[from] hashing::HashError),
    #[error(transparent)]
    Roles(#[from] domain::TooManyRoles),
    #[error("unusable templates: {0}")]
    MailTemplates(#[from] send_mail::TemplatesError),
    #[error(transparent)]
    Account(#[from] OperatorError),
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("{0} already exists: choose another file, or pass --resume to continue it")]
    ExportExists(PathBuf),
    #[error("{0} already exists: choose another file")]
    Exists(PathBuf),
    #[error("found no data in {0}: choose another folder with --data, or a deployed stack with --stack")]
    NoData(PathBuf),
    #[error("cannot read the user {0}: see `gatepost outbox verify`")]
    Unreadable(String),
    #[error("{0} is not an e-mail address")]
    NoAddress(String),
    #[error("pass an address or a source")]
    NothingToHash,

    // Stacks.
    #[error("found no stack {stack} in {region}: check --stack, --region and --profile")]
    UnknownStack { stack: String, region: String },
    #[error(
        "the caller may not describe the stack {0}: check its name, or grant cloudformation:DescribeStacks for it"
    )]
    Denied(String),
    #[error("AWS refuses the credentials: {0}; log in again, or choose others with --profile")]
    CredentialsRefused(String),
    #[error("CloudFormation cannot describe the stack {0}: {1}")]
    Unanswered(String, AwsCallError),
    #[error("cannot list the resources of the stack {0}: {1}")]
    NoResources(String, AwsCallError),
    #[error("the stack {stack} is being changed ({status}): try again when CloudFormation is done")]
    InProgress { stack: String, status: String },
    #[error(
        "the stack {stack} is not one of Gatepost: it has no output OperatorSettings (its status is {status})"
    )]
    Foreign { stack: String, status: String },

    // `gatepost dev`.
    #[error("cannot read the template {0}: {1}")]
    UnreadableTemplate(PathBuf, io::Error),
    #[error("the port {0} is in use: stop what uses it, or choose another with --port")]
    PortInUse(u16),
    #[error("cannot use the port {0}: {1}")]
    Port(u16, io::Error),

    // `gatepost outbox` and `gatepost tasks`.
    #[error("the sweeper or another flush is running: try again in a minute")]
    Busy,
    #[error("{0} is not the number of an event: they are 1, 2, 3…")]
    NoSequence(String),
    #[error("found no user {0}")]
    NoUser(domain::UserId),
    #[error("unknown task {0}: see `gatepost tasks list`")]
    NoTask(String),
    #[error("{0} is a recurring task and cannot be canceled; a scheduled one, such as {0}/USER, can")]
    Recurs(String),
    #[error("{0} is due and can no longer be canceled")]
    Due(String),

    // `gatepost mail`.
    #[error("unknown language {0}: choose one of {1}")]
    NoLocale(String, String),
    #[error("{0} is not a name")]
    NoName(String),
    #[error("cannot write {path}: {1}", path = .0.display())]
    MessageError(PathBuf, io::Error),

    // `gatepost users`.
    #[error("{0} is not a regular file: an import reads its file several times")]
    NoRegularFile(PathBuf),
    #[error("cannot resume {0}: not a partial export; choose a new file")]
    NotResumable(PathBuf),
    #[error("{0} does not contain Firebase's hash parameters")]
    HashParameters(PathBuf),
    #[error("the file has Firebase's hashes: pass --hash-parameters")]
    NoHashParameters,
    #[error(
        "the format of the file is unknown: it must hold JSON, one JSON object a line, or CSV with a header"
    )]
    UnknownShape,
    #[error("cannot tell which system the file is from: pass --format")]
    UnknownFormat,
    #[error(
        "{place} has the field {field}, which looks like a status and is not part of an export of {format}: \
         pass the right --format, or remove the field; nothing was written"
    )]
    UnreadStatus { place: Place, field: String, format: Format },
    #[error("{bad} of {all} users cannot be imported: nothing was written")]
    BadUsers { bad: usize, all: usize },
    #[error(
        "password hashes in the file were made with the secret of another system: add the seeds of its \
         peppers to this one's secret first; nothing was written"
    )]
    OtherSecret,
    #[error("no user has this address: the user must register first")]
    NoUserOfAddress,
    #[error("the user is suspended or awaits erasure")]
    NotActive,

    // `gatepost clients`.
    #[error("found no client {0}")]
    NoClient(String),
    #[error("the id {0} is taken, perhaps by a deleted client: choose another")]
    ClientIdTaken(String),
    #[error("the client {0} is public, or has two secrets: remove one first")]
    NoRoomForSecret(String),
    #[error("the client has no secret {0}, or no other one")]
    NoSecret(String),
    #[error("the client {0}")]
    Client(#[from] domain::oauth::InvalidClient),
    #[error("the id {0}")]
    ClientId(#[from] domain::oauth::InvalidClientId),
    #[error("the name {0}")]
    ClientName(#[from] domain::oauth::InvalidClientName),
    #[error("the scope {0}")]
    Scope(#[from] domain::oauth::InvalidScope),
    #[error("{0} {1}")]
    RedirectUri(String, domain::oauth::InvalidRedirectUri),
    #[error("{}", cloud::chain(.0))]
    ClientCommit(#[from] store::CommitError),

    // `gatepost data`.
    #[error("{0}: nothing was copied")]
    CopyError(#[from] store::CopyError),
    #[error("the same copy was started again elsewhere, and continues there")]
    TakenOver,
    #[error("{0} is being written by another copy")]
    BeingWritten(PathBuf),
    #[error("{0}, line {1}: {2}")]
    Line(PathBuf, u64, &'static str),
    #[error("a file cannot be changed: copy it into a folder first")]
    NotInAFile,
    #[error("pass a place, or a stack with --stack")]
    NoPlace,
    #[error("{0}, line {1}: not the id of a user")]
    NoId(PathBuf, usize),
    #[error("events with epoch {0} or later exist; choose an epoch higher than any used before")]
    EpochUsed(u64),
    #[error("the erased user {0} is the last administrator: make another one first, then run this again")]
    LastAdministrator(domain::UserId),
}

impl store::AttemptError for CliError {
    fn is_conflict(&self) -> bool {
        match self {
            Self::Commit(error) => error.is_conflict(),
            Self::ClientCommit(error) => error.is_conflict(),
            _ => false,
        }
    }
}

impl From<events::SweepError> for CliError {
    fn from(not_swept: events::SweepError) -> Self {
        match not_swept {
            events::SweepError::Busy => Self::Busy,
            events::SweepError::Failed(failure) => Self::Table(failure),
        }
    }
}
