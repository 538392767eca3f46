//! Lists, page by page.

use cloud::{Cloud, FromSecret, SecretUnavailable, SettingError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokens::CursorKeys;

use crate::{Problem, ProblemType, SignedIn};

/// Which page of a list is wanted: `?limit=…&cursor=…`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// How many entries at most.
    #[serde(default)]
    pub limit: Limit,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// A page of a list.
#[derive(JsonSchema, Serialize)]
#[schemars(inline)]
pub struct List<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where to go on; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// 1 to 100 entries.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(try_from = "u8")]
#[schemars(!try_from)]
pub struct Limit(#[schemars(range(min = 1, max = 100))] u8);

/// Not 1 to 100.
#[derive(Debug, Error)]
#[error("must be 1 to 100")]
pub struct OutOfRange;

/// Makes the cursors of one user's lists, and reads them.
pub struct Cursors(FromSecret<CursorKeys>);

/// Why a cursor leads nowhere.
#[derive(Debug, Error)]
pub enum CursorRefused {
    /// It was not made here, or is that of another list.
    #[error("no cursor of this list")]
    Invalid,
    /// The keys could not be read.
    #[error("no keys")]
    NoKeys(#[from] SecretUnavailable),
}

impl Cursors {
    /// Cursors under the deployment's keys.
    ///
    /// # Errors
    /// If the setting `KEYS_SECRET` is missing.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        FromSecret::new(cloud, |seeds| Some(CursorKeys::derive(seeds))).map(Self)
    }

    /// Fetches the keys ahead of the first request.
    pub async fn warm(&self) {
        // What fails here fails again, and is answered, at the first request.
        let _ = self.0.get().await;
    }

    /// The position that the caller's page begins after; `None` for the first page.
    ///
    /// # Errors
    /// [`CursorRefused`].
    pub async fn position(
        &self,
        caller: &SignedIn,
        cursor: Option<String>,
    ) -> Result<Option<u128>, CursorRefused> {
        let Some(cursor) = cursor else { return Ok(None) };
        let position = self.0.get().await?.open(cursor, list_of(caller).as_bytes());
        position.map(Some).ok_or(CursorRefused::Invalid)
    }

    /// The cursor to what follows the last entry of the caller's page.
    ///
    /// # Errors
    /// If the keys could not be read.
    pub async fn after(&self, caller: &SignedIn, position: u128) -> Result<String, SecretUnavailable> {
        Ok(self.0.get().await?.seal(position, list_of(caller).as_bytes()))
    }
}

/// One user's cursor, or that of another route, is not to be taken for this one.
fn list_of(caller: &SignedIn) -> String {
    format!("{} {}", caller.user_id, caller.head.path)
}

impl Limit {
    /// How many entries at most.
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

impl TryFrom<u8> for Limit {
    type Error = OutOfRange;

    fn try_from(limit: u8) -> Result<Self, OutOfRange> {
        if (1..=100).contains(&limit) { Ok(Self(limit)) } else { Err(OutOfRange) }
    }
}

impl From<CursorRefused> for Problem {
    fn from(refused: CursorRefused) -> Self {
        match refused {
            CursorRefused::Invalid => Self::of(ProblemType::InvalidCursor),
            CursorRefused::NoKeys(_) => Self::unavailable(),
        }
    }
}
