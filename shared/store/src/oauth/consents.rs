//! Consents of users.

use domain::{
    Transition, UserId,
    oauth::{ClientId, Consent, Scope},
};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, StoreError,
    dynamodb::{
        attributes::{self, Attributes, number, values},
        item,
        value::Millis,
    },
    identities::{keys, user_item},
    transaction::write::Write,
};

const SK: &str = "CONSENT#";

fn key(user: UserId, client: &ClientId) -> Attributes {
    attributes::key(keys::user_pk(user), format!("{SK}{client}"))
}

impl Identities {
    /// Returns what a user has allowed a client.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn consent(&self, user: UserId, client: &ClientId) -> Result<Option<Consent>, StoreError> {
        let item = self.find::<ConsentItem>(key(user, client)).await?;
        Ok(item.map(|item| item.consent(user, client)))
    }
}

impl Commands<'_> {
    /// Replaces a consent that was read as `before`.
    ///
    /// # Errors
    /// [`CommitError::Conflict`] if user or consent have changed since they were read.
    pub async fn put_consent(
        &self,
        before: Option<&Consent>,
        consent: &Consent,
        user: &Transition,
    ) -> Result<(), CommitError> {
        let item = item::write(key(consent.user_id, &consent.client_id), &ConsentItem::from(consent));
        let put = match before {
            Some(before) => {
                Write::put(item).only_if("granted_at = :granted AND not_before = :not_before").with(values([
                    (":granted", number(before.granted_at.millis())),
                    (":not_before", number(before.not_before.millis())),
                ]))
            }
            None => Write::put(item).only_if("attribute_not_exists(pk)"),
        };
        self.commit([user_item::advance(&user.after), put], &user.event).await.map_err(CommitError::conflict)
    }
}

/// What a user has allowed a client.
#[derive(Serialize, Deserialize)]
pub(crate) struct ConsentItem {
    scope: Scope,
    granted_at: Millis,
    not_before: Millis,
}

impl From<&Consent> for ConsentItem {
    fn from(consent: &Consent) -> Self {
        Self {
            scope: consent.scope.clone(),
            granted_at: Millis(consent.granted_at),
            not_before: Millis(consent.not_before),
        }
    }
}

impl ConsentItem {
    pub(crate) fn consent(self, user_id: UserId, client_id: &ClientId) -> Consent {
        Consent {
            user_id,
            client_id: client_id.clone(),
            scope: self.scope,
            granted_at: self.granted_at.moment(),
            not_before: self.not_before.moment(),
        }
    }
}
