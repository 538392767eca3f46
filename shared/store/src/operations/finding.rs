//! What reconciling finds.

use std::{fmt, ops::RangeInclusive};

use crate::EventKey;

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Events that were committed are not there, and cannot have expired.
    Missing {
        /// The stream that lacks them.
        stream: String,
        /// Their numbers.
        numbers: RangeInclusive<u64>,
    },
    /// An event that no change of the user made.
    BeyondVersion {
        /// Which one it is.
        key: EventKey,
        /// The user's version.
        version: u64,
    },
    /// Events of a user who is not there.
    NoUser {
        /// Their stream.
        stream: String,
    },
    /// An event with the id of another one: consumers would skip one of them.
    RepeatedId {
        /// Which one it is.
        key: EventKey,
        /// The id.
        event_id: String,
    },
    /// A pending event, though one behind it was delivered long ago.
    Overtaken {
        /// Which one it is.
        key: EventKey,
        /// The number of the one behind it.
        by: u64,
    },
    /// An item that cannot be read.
    Unreadable {
        /// Its key, as it is written.
        key: String,
        /// What is wrong with it.
        attribute: String,
    },
    /// An item of a kind that the table does not have.
    UnknownStream {
        /// Its stream.
        stream: String,
    },
}

impl Finding {
    /// What it is, in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::BeyondVersion { .. } => "beyond-version",
            Self::NoUser { .. } => "no-user",
            Self::RepeatedId { .. } => "repeated-id",
            Self::Overtaken { .. } => "overtaken",
            Self::Unreadable { .. } => "unreadable",
            Self::UnknownStream { .. } => "unknown-stream",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { stream, numbers } if numbers.start() == numbers.end() => {
                write!(f, "{stream}: event {} is missing", numbers.start())
            }
            Self::Missing { stream, numbers } => {
                write!(f, "{stream}: events {} to {} are missing", numbers.start(), numbers.end())
            }
            Self::BeyondVersion { key, version } => {
                write!(f, "{}: event {} is beyond the version, {version}", key.stream, key.sequence)
            }
            Self::NoUser { stream } => write!(f, "{stream}: there is no such user"),
            Self::RepeatedId { key, event_id } => {
                write!(f, "{}: event {} has an id of another one, {event_id}", key.stream, key.sequence)
            }
            Self::Overtaken { key, by } => {
                write!(f, "{}: event {} waits, though {by} was delivered", key.stream, key.sequence)
            }
            Self::Unreadable { key, attribute } => write!(f, "{key}: its `{attribute}` cannot be read"),
            Self::UnknownStream { stream } => write!(f, "{stream}: the table has no such streams"),
        }
    }
}
