//! Pictures of users: in the user's own partition, so that they are erased, copied and restored with them.

use domain::{PictureId, Transition, User, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, StoreError,
    dynamodb::{
        attributes::{self, Attributes},
        item,
        value::{Octets, Text},
    },
    identities::{keys, user_item},
    transaction::write::Write,
};

impl Commands<'_> {
    /// Replaces a user, and stores the bytes of their new picture.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn set_picture(&self, change: &Transition, octets: &[u8]) -> Result<(), CommitError> {
        let writes = user_item::replace(change).chain(put(&change.after, octets));
        self.commit(writes, &change.event).await.map_err(CommitError::conflict)
    }
}

impl Identities {
    /// The octets of a user's picture; none if it is not that one any more.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn picture(&self, user: UserId, id: PictureId) -> Result<Option<Vec<u8>>, StoreError> {
        let item = self.find::<PictureItem>(key(user)).await?;
        Ok(item.filter(|item| item.id.0 == id).map(|item| item.octets.0))
    }
}

fn key(user: UserId) -> Attributes {
    attributes::key(keys::user_pk(user), "PICTURE")
}

/// A picture of a user.
#[derive(Serialize, Deserialize)]
pub(crate) struct PictureItem {
    id: Text<PictureId>,
    octets: Octets<Vec<u8>>,
}

fn put(user: &User, octets: &[u8]) -> Option<Write> {
    let item = PictureItem { id: Text(user.picture?), octets: Octets(octets.to_vec()) };
    Some(Write::put(item::write(key(user.id), &item)))
}

/// Deletes the picture of a user who had one.
pub(crate) fn removal(change: &Transition) -> Option<Write> {
    let Transition { before, after, .. } = change;
    let is_removed = before.picture.is_some() && after.picture.is_none();
    is_removed.then(|| Write::delete(key(after.id)))
}
