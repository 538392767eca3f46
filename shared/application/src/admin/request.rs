//! Parts of requests that administrative routes share.

use api::{Error, ProblemType};
use domain::{InvalidRoleName, RoleName, StatedReason, UserId};
use schemars::JsonSchema;
use serde::Deserialize;

/// The reason for an action.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReasonBody {
    /// Kept with the user's events, and shown to them: 1 to 200 characters.
    reason: String,
}

/// The user in the path.
#[derive(Deserialize, JsonSchema)]
pub struct UserPath {
    #[schemars(extend("format" = "uuid"))]
    id: String,
}

/// The role in the path.
#[derive(Deserialize, JsonSchema)]
pub struct RolePath {
    name: String,
}

/// The role of a user in the path.
#[derive(Deserialize, JsonSchema)]
pub struct UserRolePath {
    #[schemars(extend("format" = "uuid"))]
    id: String,
    name: String,
}

impl ReasonBody {
    /// Returns the reason.
    ///
    /// # Errors
    /// [`ProblemType::ValidationFailed`] if it is empty or too long.
    pub fn parse(&self) -> Result<StatedReason, Error> {
        reason(&self.reason)
    }
}

/// Parses the reason in the field `reason` of a request.
///
/// # Errors
/// [`ProblemType::ValidationFailed`] if it is empty or too long.
pub fn reason(text: &str) -> Result<StatedReason, Error> {
    let code = ProblemType::ValidationFailed.slug();
    StatedReason::parse(text).map_err(|error| Error::field("/reason", code, &error))
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

impl RolePath {
    /// Returns the name of the role.
    ///
    /// # Errors
    /// [`InvalidRoleName`].
    pub fn parse(&self) -> Result<RoleName, InvalidRoleName> {
        RoleName::parse(&self.name)
    }
}

impl UserRolePath {
    /// Returns the id of the user and the name of the role.
    ///
    /// # Errors
    /// [`ProblemType::NotFound`] if one of them cannot exist.
    pub fn parse(&self) -> Result<(UserId, RoleName), Error> {
        let id = self.id.parse().map_err(|_| ProblemType::NotFound)?;
        Ok((id, RoleName::parse(&self.name).map_err(|_| ProblemType::NotFound)?))
    }
}
