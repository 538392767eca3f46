//! What the last digest said, for the next one to be held against.

use domain::{Digest, Event, UsersByStatus, Week};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, StoreError,
    dynamodb::{
        attributes::{key, text, values},
        item,
        value::{Millis, Text},
    },
    transaction::write::Write,
};

pub(crate) const PK: &str = "DIGEST";

impl Identities {
    /// The digest that was written last; `None` before the first one.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn last_digest(&self) -> Result<Option<Digest>, StoreError> {
        Ok(self.find::<DigestItem>(key(PK, PK)).await?.map(Digest::from))
    }
}

impl Commands<'_> {
    /// Puts a digest in the place of the one `before`.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if another one was written meanwhile.
    pub async fn write_digest(
        &self,
        before: Option<&Digest>,
        digest: &Digest,
        event: &Event,
    ) -> Result<(), CommitError> {
        let put = Write::put(item::write(key(PK, PK), &DigestItem::from(digest)));
        let put = match before {
            None => put.only_if("attribute_not_exists(pk)"),
            Some(before) => {
                put.only_if("week = :before").with(values([(":before", text(before.week.to_string()))]))
            }
        };
        self.commit([put], event).await.map_err(CommitError::conflict)
    }
}

/// The digest that was written last.
#[derive(Serialize, Deserialize)]
pub(crate) struct DigestItem {
    week: Text<Week>,
    written_at: Millis,
    active: u64,
    suspended: u64,
    deleting: u64,
}

impl From<&Digest> for DigestItem {
    fn from(Digest { week, written_at, users }: &Digest) -> Self {
        let UsersByStatus { active, suspended, deleting } = *users;
        Self { week: Text(*week), written_at: Millis(*written_at), active, suspended, deleting }
    }
}

impl From<DigestItem> for Digest {
    fn from(item: DigestItem) -> Self {
        let DigestItem { week, written_at, active, suspended, deleting } = item;
        let users = UsersByStatus { active, suspended, deleting };
        Self { week: week.0, written_at: written_at.0, users }
    }
}
