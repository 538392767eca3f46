//! Lists with pages.

use std::{fmt::Display, str::FromStr};

use api::{Error, ProblemType};
use cloud::{Cloud, FromSecret, Random, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokens::CursorKeys;

/// The parameters of a page: `?limit=…&cursor=…`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The highest number of entries.
    #[serde(default)]
    pub limit: Limit,
    /// The `next_cursor` of the previous page.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// The cursor of the next page; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// The size of a page: 1 to 100 entries.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "f64")]
#[schemars(!try_from)]
pub struct Limit(#[schemars(range(min = 1, max = 100))] u8);

/// The number is not from 1 to 100.
#[derive(Debug, Error)]
#[error("must be 1 to 100")]
pub struct InvalidLimit;

/// Seals and opens the cursors of one user's lists.
pub struct Cursors {
    keys: FromSecret<CursorKeys>,
    random: Random,
}

impl Cursors {
    /// Creates cursors with the deployment's keys.
    ///
    /// # Errors
    /// If the setting `KEYS_SECRET` is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let keys = FromSecret::keys(cloud, |seeds| Some(CursorKeys::derive(seeds)))?;
        Ok(Self { keys, random: cloud.random() })
    }

    /// Reads the keys ahead of the first request.
    pub async fn warm(&self) {
        // A failure occurs again at the first request, which reports it.
        let _ = self.keys.get().await;
    }

    /// Returns the position after which a page of `list` begins; `None` for the first page.
    ///
    /// # Errors
    /// [`ProblemType::InvalidCursor`], or if the keys cannot be read.
    pub async fn position<T: FromStr>(&self, list: &str, cursor: Option<String>) -> Result<Option<T>, Error> {
        let Some(cursor) = cursor else { return Ok(None) };
        let position = self.keys.get().await?.open(&cursor, list.as_bytes());
        position.and_then(|position| position.parse().ok()).map(Some).ok_or(ProblemType::InvalidCursor.into())
    }

    /// Returns the cursor for the entries after `position`; `None` at the end of `list`.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub async fn after(&self, list: &str, position: Option<impl Display>) -> Result<Option<String>, Error> {
        let Some(position) = position else { return Ok(None) };
        let keys = self.keys.get().await?;
        Ok(Some(keys.seal(self.random.bytes(), &position.to_string(), list.as_bytes())))
    }
}

impl Limit {
    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(20)
    }
}

impl TryFrom<f64> for Limit {
    type Error = InvalidLimit;

    /// Accepts `30.0` as an integer, as in JSON Schema.
    fn try_from(limit: f64) -> Result<Self, InvalidLimit> {
        let is_it = |whole: &u8| f64::from(*whole).total_cmp(&limit).is_eq();
        (1..=100).find(is_it).map(Self).ok_or(InvalidLimit)
    }
}
