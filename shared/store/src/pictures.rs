//! Pictures of users: in the user's own partition, so that they are erased, copied and restored with them.

use domain::{Event, PictureId, User, UserId};

use crate::{
    Failure, Identities, Refused,
    item::{Attributes, Item, Read},
    sessions,
    transaction::{Commands, Write},
    users,
};

const SK: &str = "PICTURE";
const OCTETS: &str = "octets";

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
        let item = self.get(users::pk(user), SK.to_owned()).await?;
        item.filter(|item| is(item, id)).map(|item| Read(&item).octets(OCTETS)).transpose()
    }
}

fn is(item: &Attributes, id: PictureId) -> bool {
    Read(item).maybe_text("id") == Some(id.to_string())
}

fn put(user: &User, octets: &[u8]) -> Option<Write> {
    let item = Item::at(users::pk(user.id), SK).text("id", user.picture?.to_string());
    Some(Write::put(item.bytes(OCTETS, octets).build()))
}

/// Deletes the picture of a user who had one.
pub(crate) fn removal(before: &User, after: &User) -> Option<Write> {
    let is_removed = before.picture.is_some() && after.picture.is_none();
    is_removed.then(|| Write::delete(Item::at(users::pk(after.id), SK).build()))
}
