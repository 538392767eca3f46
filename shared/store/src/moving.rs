//! Users who move in from another system, and all of them as they move out.

use aws_sdk_dynamodb::types::{Get, TransactGetItem};
use domain::{Credential, Event, User};

use crate::{
    CommitError, Erasure, Identities, NextPage, Page, Store, StoreError,
    attributes::{Attributes, key, text, text_of},
    commit::MAX_ATTEMPTS,
    items::Item,
    users::{self, CredentialItem},
};

/// The reason why a user is not imported.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AdmissionRejected {
    /// There is a user with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// There is, or was, a user with this id.
    #[error("the id is taken")]
    IdTaken,
}

impl Store {
    /// Adds a user who comes from elsewhere, with the credential that claims the address; without an
    /// event only if there is to be no trace of it on the bus.
    ///
    /// # Errors
    /// [`AdmissionRejected`], otherwise [`CommitError`].
    pub async fn admit(
        &self,
        user: &User,
        credential: &Credential,
        event: Option<Event>,
    ) -> Result<(), CommitError<AdmissionRejected>> {
        let writes = users::additions(user, credential).chain(Erasure::of(user).map(Erasure::note));
        let committed = match event {
            Some(event) => self.answering(None).commit(writes, &event).await,
            None => self.commit_silently(writes).await,
        };
        let is_claimed = |unmet: &[usize]| unmet.contains(&users::ADDED_CREDENTIAL);
        committed.map_err(|error| {
            error.because(|unmet| {
                Some(if is_claimed(unmet) {
                    AdmissionRejected::EmailTaken
                } else {
                    AdmissionRejected::IdTaken
                })
            })
        })
    }
}

impl Identities {
    /// Every user; the key of an item that cannot be read instead of it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn users(&self, start: Option<NextPage>) -> Result<Page<Result<User, String>>, StoreError> {
        let scan = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .filter_expression("sk = :user AND #status <> :erased")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":user", text("USER"))
            .expression_attribute_values(":erased", text(users::ERASED))
            .set_exclusive_start_key(start.map(|start| start.0));
        let answer = scan.send().await.map_err(|error| StoreError::of("Scan", error))?;
        let items = answer.items.unwrap_or_default().into_iter().map(user).collect();
        Ok(Page { items, next: answer.last_evaluated_key.map(NextPage) })
    }

    /// A user as of now, and the credential of the same moment; `None` if the user is gone.
    ///
    /// # Errors
    /// If the table does not answer, or the address keeps changing.
    pub async fn account(&self, user: User) -> Result<Option<(User, Option<Credential>)>, StoreError> {
        let mut user = user;
        for _attempt in 0..MAX_ATTEMPTS {
            let keys = [users::key(user.id), users::credential_key(user.email.canonical())];
            let [now, credential] = self.get_both(keys).await?;
            let Some(now) = now.filter(|item| !users::is_tombstone(item)) else { return Ok(None) };
            let now = users::parse(user.id, now)?;
            if now.email.canonical() == user.email.canonical() {
                let credential = credential.map(CredentialItem::read).transpose()?;
                let credential = credential.map(|item| item.credential(now.email.canonical()));
                return Ok(Some((now, credential.filter(|credential| credential.user_id == user.id))));
            }
            user = now;
        }
        Err(StoreError::Contended)
    }

    /// Two items as they are at one moment.
    async fn get_both(&self, keys: [Attributes; 2]) -> Result<[Option<Attributes>; 2], StoreError> {
        let get = |key: Attributes| {
            let get = Get::builder().table_name(&self.table).set_key(Some(key));
            // `build` fails only for a missing table name or key, and both are given.
            TransactGetItem::builder().set_get(get.build().ok()).build()
        };
        let answer = self.dynamodb.transact_get_items().set_transact_items(Some(keys.map(get).into()));
        let answer = answer.send().await.map_err(|error| StoreError::of("TransactGetItems", error))?;
        let mut items = answer.responses.unwrap_or_default().into_iter().map(|response| response.item);
        Ok([(); 2].map(|()| items.next().flatten().filter(|item| !item.is_empty())))
    }
}

impl NextPage {
    /// The place in the table Identities, as text that can be kept: its partition and its sort key.
    #[must_use]
    pub fn place(&self) -> Option<[String; 2]> {
        Some([text_of(&self.0, "pk")?.to_owned(), text_of(&self.0, "sk")?.to_owned()])
    }

    /// The page behind such a place.
    #[must_use]
    pub fn behind([pk, sk]: [String; 2]) -> Self {
        Self(key(pk, sk))
    }
}

fn user(item: Attributes) -> Result<User, String> {
    let pk = text_of(&item, "pk").unwrap_or_default().to_owned();
    users::id(&item).and_then(|id| users::parse(id, item)).map_err(|_| pk)
}
