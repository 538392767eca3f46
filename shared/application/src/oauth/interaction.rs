//! A request that waits for the user, carried by the browser.

use api::{Error, Head, ProblemType};
use domain::oauth::{AuthorizationRequest, Choices};
use serde::{Deserialize, Serialize};
use tokens::oauth::{OauthKeys, is_interaction_fresh};

use super::Browser;

/// An authorization request that waits for the user, and what they have decided so far.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Interaction {
    /// The request.
    pub request: AuthorizationRequest,
    /// The decisions of the user.
    #[serde(default)]
    pub choices: Choices,
}

impl Interaction {
    /// Opens an interaction.
    ///
    /// # Errors
    /// [`ProblemType::InteractionExpired`] if it was not made here, or is too old; or if the keys cannot be read.
    pub async fn open(text: &str, browser: &Browser, head: &Head) -> Result<Self, Error> {
        let content = browser.open(|keys| keys.open_interaction(text)).await?;
        let content = content.ok_or(ProblemType::InteractionExpired)?;
        let interaction: Self =
            serde_json::from_slice(&content).map_err(|_| ProblemType::InteractionExpired)?;
        if !is_interaction_fresh(interaction.request.begun_at(), head.now) {
            return Err(ProblemType::InteractionExpired.into());
        }
        Ok(interaction)
    }

    /// Encrypts the interaction for the browser.
    #[must_use]
    pub fn seal(&self, keys: &OauthKeys, head: &Head) -> String {
        // Only a map with keys other than text could fail.
        let content = serde_json::to_vec(self).unwrap_or_default();
        keys.seal_interaction(head.random_bytes(), &content)
    }

    /// Returns the path at which the authorization continues.
    #[must_use]
    pub fn continue_path(&self, keys: &OauthKeys, head: &Head) -> String {
        format!("/oauth2/authorize?interaction={}", self.seal(keys, head))
    }
}
