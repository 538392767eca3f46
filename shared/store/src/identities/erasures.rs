//! Deleting an account: first it is due, later nothing is left of it.

use domain::{Credential, Event, Status, Timestamp, Tombstone, User, UserId};
use serde::Deserialize;

use crate::{
    Commands, CommitError, Identities, StoreError,
    dynamodb::{
        attributes::{Attributes, key, sortable, text},
        item::Item,
        value::{AsText, Text},
    },
    identities::{credential_item, user_item},
    transaction::write::Write,
};

/// Where those who are to be erased are, sorted by when.
pub(crate) const PK: &str = "ERASURES";

/// Somebody who is to be erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Who it is.
    pub user_id: UserId,
    /// When.
    pub due_at: Timestamp,
}

impl Erasure {
    /// What the user waits for, if it is that.
    #[must_use]
    pub fn of(user: &User) -> Option<Self> {
        match user.status {
            Status::Deleting { erase_at, .. } => Some(Self { user_id: user.id, due_at: erase_at }),
            Status::Active | Status::Suspended => None,
        }
    }

    /// Notes it.
    pub(crate) fn note(self) -> Write {
        Write::put(self.key())
    }

    fn key(self) -> Attributes {
        key(PK, self.text())
    }
}

/// The item of an erasure has nothing but its key.
#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
pub(crate) struct ErasureItem {
    pub(crate) sk: Text<Erasure>,
}

impl AsText for Erasure {
    fn text(&self) -> String {
        format!("{}#{}", sortable(self.due_at), self.user_id)
    }

    fn parse(text: &str) -> Option<Self> {
        let (due_at, user_id) = text.split_once('#')?;
        let due_at = Timestamp::from_millis(due_at.parse().ok()?);
        Some(Self { user_id: user_id.parse().ok()?, due_at })
    }
}

/// What notes that a user is to be erased, or is not after all, if it is so by the change.
pub(crate) fn writes(before: &User, after: &User) -> impl Iterator<Item = Write> {
    let (before, after) = (Erasure::of(before), Erasure::of(after));
    let is_new = before != after;
    let forget = before.filter(|_| is_new).map(|erasure| Write::delete(erasure.key()));
    forget.into_iter().chain(after.filter(|_| is_new).map(Erasure::note))
}

impl Commands<'_> {
    /// Puts a tombstone in the place of a user, and gives up their claim on an address. Whatever else
    /// there is of them must be gone before.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn erase(
        &self,
        tombstone: &Tombstone,
        erasure: Erasure,
        credential: Option<&Credential>,
        event: &Event,
    ) -> Result<(), CommitError> {
        let writes = [
            Some(user_item::bury(tombstone)),
            Some(Write::delete(erasure.key())),
            credential.map(credential_item::give_up),
        ];
        self.commit(writes.into_iter().flatten(), event).await.map_err(CommitError::conflict)
    }
}

impl Identities {
    /// Some of those who are due to be erased at `now`, longest due first, from the one after `after` on.
    /// Empty if there are no more.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn due_erasures(
        &self,
        now: Timestamp,
        after: Option<Erasure>,
    ) -> Result<Vec<Erasure>, StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            // Whatever is due at `now` sorts before the moment after it.
            .key_condition_expression("pk = :pk AND sk < :end")
            .expression_attribute_values(":pk", text(PK))
            .expression_attribute_values(":end", text(sortable(Timestamp::from_millis(now.millis() + 1))))
            .limit(100)
            .set_exclusive_start_key(after.map(Erasure::key));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let erasure = |item| Ok(ErasureItem::read(item)?.sk.0);
        answer.items.unwrap_or_default().into_iter().map(erasure).collect()
    }
}
