//! Pictures of users: in the user's own partition, so that they are erased, copied and restored with them.

use domain::{Event, PictureId, User, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    Failure, Identities, Refused,
    attributes::{self, Attributes},
    items::{self, Octets, Text},
    sessions,
    transaction::{Commands, Write},
    users,
};

impl Commands<'_> {
    /// Puts a user in the place of the one a version before, with the octets of the picture that they have now.
    ///
    /// # Errors
    /// [`Refused::Stale`] if the user has changed since they were read.
    pub async fn set_picture(
        &self,
        (before, user): (&User, &User),
        octets: &[u8],
        event: Event,
    ) -> Result<(), Refused> {
        let writes = users::replace(before, user).chain(put(user, octets));
        self.commit(writes, event).await.map_err(sessions::stale)
    }
}

impl Identities {
    /// The octets of a user's picture; none if it is not that one any more.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn picture(&self, user: UserId, id: PictureId) -> Result<Option<Vec<u8>>, Failure> {
        let item = self.find::<PictureItem>(key(user)).await?;
        Ok(item.filter(|item| item.id.0 == id).map(|item| item.octets.0))
    }
}

fn key(user: UserId) -> Attributes {
    attributes::key(users::pk(user), "PICTURE")
}

/// A picture of a user.
#[derive(Serialize, Deserialize)]
pub(crate) struct PictureItem {
    id: Text<PictureId>,
    octets: Octets<Vec<u8>>,
}

fn put(user: &User, octets: &[u8]) -> Option<Write> {
    let item = PictureItem { id: Text(user.picture?), octets: Octets(octets.to_vec()) };
    Some(Write::put(items::write(key(user.id), &item)))
}

/// Deletes the picture of a user who had one.
pub(crate) fn removal(before: &User, after: &User) -> Option<Write> {
    let is_removed = before.picture.is_some() && after.picture.is_none();
    is_removed.then(|| Write::delete(key(after.id)))
}
