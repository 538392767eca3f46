//! What can go wrong with a table that is not the caller's doing.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use cloud::AwsError;
use thiserror::Error;

use crate::InvalidItem;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// DynamoDB could not do what was asked, or holds what it must not.
#[derive(Debug, Error)]
pub enum StoreError {
    /// No answer, throttled, or in conflict for too long: the same call may succeed later.
    #[error("DynamoDB is unavailable for {operation}")]
    Unavailable {
        /// The API operation, e.g. `GetItem`.
        operation: &'static str,
        /// What the SDK says, for the log.
        source: Source,
    },
    /// DynamoDB refuses the call: rights, a missing table, or a fault of ours. Trying again is no use.
    #[error("DynamoDB refuses {operation}")]
    Rejected {
        /// The API operation, e.g. `GetItem`.
        operation: &'static str,
        /// What the SDK says, for the log.
        source: Source,
    },
    /// The transaction was cancelled, and not for its conditions: by conflicts, throttling or a limit of DynamoDB. The
    /// same call may succeed later.
    #[error("DynamoDB cancelled the transaction")]
    Cancelled(#[source] Source),
    /// Others kept changing the same user: the same call may succeed later.
    #[error("others keep changing the same user")]
    Contended,
    /// Another request under the same key was carried out meanwhile: its answer is there to be given.
    #[error("the request was answered meanwhile")]
    Answered,
    /// The table goes on taking only a part of what is written: the same call may succeed later.
    #[error("DynamoDB takes only a part of what is written")]
    Throttled,
    /// An item lacks an attribute or holds an unusable one.
    #[error(transparent)]
    Malformed(#[from] InvalidItem),
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. }
            | Self::Cancelled(_)
            | Self::Contended
            | Self::Answered
            | Self::Throttled => true,
            Self::Rejected { .. } | Self::Malformed(_) => false,
        }
    }

    pub(crate) fn of<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let is_final = !AwsError::of(&error).is_transient();
        let source = error.into();
        if is_final { Self::Rejected { operation, source } } else { Self::Unavailable { operation, source } }
    }
}
