//! Users in the path of a route.

use domain::UserId;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Error, ProblemType};

/// The user in the path.
#[derive(Deserialize, JsonSchema)]
pub struct UserPath {
    #[schemars(extend("format" = "uuid"))]
    id: String,
}

impl UserPath {
    /// Returns the id of the user.
    ///
    /// # Errors
    /// [`ProblemType::NotFound`] if the text is not an id.
    pub fn parse(&self) -> Result<UserId, Error> {
        self.id.parse().map_err(|_| ProblemType::NotFound.into())
    }
}
