//! What the last digest said, for the next one to be held against.

use domain::{Digest, Event, UsersByStatus};

use crate::{
    Failure, Identities, Refused,
    item::{Attributes, Item, Read},
    sessions::stale,
    transaction::{Commands, Write},
};

pub(crate) const PK: &str = "DIGEST";

impl Identities {
    /// The digest that was written last; `None` before the first one.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn last_digest(&self) -> Result<Option<Digest>, Failure> {
        self.get(PK.to_owned(), PK.to_owned()).await?.map(|item| parse(&item)).transpose()
    }
}

impl Commands<'_> {
    /// Puts a digest in the place of the one `before`.
    ///
    /// # Errors
    /// [`Refused::Stale`] if another one was written meanwhile.
    pub async fn write_digest(
        &self,
        before: Option<&Digest>,
        digest: &Digest,
        event: Event,
    ) -> Result<(), Refused> {
        let put = Write::put(item(digest));
        let put = match before {
            None => put.only_if("attribute_not_exists(pk)"),
            Some(before) => {
                put.only_if("week = :before").with(Item::default().text(":before", before.week.to_string()))
            }
        };
        self.commit([put], event).await.map_err(stale)
    }
}

fn item(digest: &Digest) -> Attributes {
    Item::at(PK, PK)
        .text("week", digest.week.to_string())
        .moment("written_at", digest.written_at)
        .number("active", digest.users.active)
        .number("suspended", digest.users.suspended)
        .number("deleting", digest.users.deleting)
        .build()
}

fn parse(item: &Attributes) -> Result<Digest, Failure> {
    let read = Read(item);
    let users = UsersByStatus {
        active: read.number("active")?,
        suspended: read.number("suspended")?,
        deleting: read.number("deleting")?,
    };
    Ok(Digest { week: read.parsed("week", str::parse)?, written_at: read.moment("written_at")?, users })
}
