//! What is asked for: about whom, and why.

use domain::{StatedReason, UserId};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::NotDone;

/// A user, by their place in the path.
#[derive(Deserialize, JsonSchema)]
pub struct Whom {
    #[schemars(extend("format" = "uuid"))]
    id: String,
}

/// Why it is done.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stated {
    /// Kept with the user's events, and shown to them: 1 to 200 characters.
    reason: String,
}

impl Whom {
    /// Who it is.
    ///
    /// # Errors
    /// What is no id is nobody's.
    pub fn parse(&self) -> Result<UserId, NotDone> {
        self.id.parse().map_err(|_| NotDone::NotFound)
    }
}

impl Stated {
    /// The reason.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(&self) -> Result<StatedReason, NotDone> {
        Ok(StatedReason::parse(&self.reason)?)
    }
}
