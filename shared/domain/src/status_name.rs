//! The names of statuses, without their data.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::Status;

/// The name of a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StatusName {
    /// The user may log in.
    Active,
    /// The user is suspended until an administrator reactivates them.
    Suspended,
    /// The user awaits erasure.
    Deleting,
}

impl StatusName {
    /// All names.
    pub const ALL: [Self; 3] = [Self::Active, Self::Suspended, Self::Deleting];

    /// Returns the name, as it is stored and displayed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
        }
    }
}

impl FromStr for StatusName {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or(())
    }
}

impl Status {
    /// Returns the name of the status.
    #[must_use]
    pub const fn name(self) -> StatusName {
        match self {
            Self::Active => StatusName::Active,
            Self::Suspended => StatusName::Suspended,
            Self::Deleting { .. } => StatusName::Deleting,
        }
    }
}

impl fmt::Display for StatusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
