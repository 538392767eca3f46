//! Users, as they move to another system.

use aws_sdk_dynamodb::types::{Get, TransactGetItem};
use domain::{Credential, User};

use crate::{
    Identities, NextPage, Page, StoreError,
    dynamodb::{
        attributes::{Attributes, text, text_of},
        item::Item,
    },
    identities::{credential_item::CredentialItem, keys, user_item},
    transaction::error::MAX_ATTEMPTS,
};

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
            .expression_attribute_values(":erased", text(user_item::ERASED))
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
            let keys = [keys::user(user.id), keys::credential(user.email.canonical())];
            let [now, credential] = self.get_both(keys).await?;
            let Some(now) = now.filter(|item| !user_item::is_tombstone(item)) else { return Ok(None) };
            let now = user_item::parse(user.id, now)?;
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

fn user(item: Attributes) -> Result<User, String> {
    let pk = text_of(&item, "pk").unwrap_or_default().to_owned();
    user_item::id(&item).and_then(|id| user_item::parse(id, item)).map_err(|_| pk)
}
