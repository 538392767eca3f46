//! A user's one-time links: the newest of each purpose.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};
use domain::{
    CanonicalEmail, Email, Event, Link, LinkHash, PasswordResetRequest, Purpose, ResetId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, StoreError,
    dynamodb::{
        attributes::{self, Attributes, bytes, millis, values},
        item::{self, Item},
        value::{Millis, Octets, Text, Ttl},
    },
    identities::keys,
    transaction::write::Write,
};

fn key(user: UserId, purpose: Purpose) -> Attributes {
    attributes::key(keys::user_pk(user), format!("LINK#{}", purpose.name()))
}

fn reset_key(id: ResetId) -> Attributes {
    attributes::key(format!("RESET#{id}"), "RESET")
}

impl Commands<'_> {
    /// Adds a request for a link to choose a new password. It is the same write for every address,
    /// known or not.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn add_password_reset(
        &self,
        request: &PasswordResetRequest,
        event: &Event,
    ) -> Result<(), CommitError> {
        let item = item::write(reset_key(request.id), &ResetItem::from(request));
        self.commit([Write::put(item)], event).await.map_err(CommitError::conflict)
    }
}

impl Identities {
    /// The address that a request for a new password names, and until when the request matters.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn password_reset(
        &self,
        id: ResetId,
    ) -> Result<Option<(CanonicalEmail, Timestamp)>, StoreError> {
        let item = self.find::<ResetItem>(reset_key(id)).await?;
        Ok(item.map(|item| (item.canonical_email.0, item.expires_at.0)))
    }

    /// A user's newest link for a purpose, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn link(&self, user: UserId, purpose: Purpose) -> Result<Option<Link>, StoreError> {
        Ok(self.find::<LinkItem>(key(user, purpose)).await?.map(Link::from))
    }

    /// Makes a link the newest of its user and purpose.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_link(&self, user: UserId, purpose: Purpose, link: &Link) -> Result<(), StoreError> {
        let item = item(user, purpose, link);
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| StoreError::of("PutItem", error))
    }

    /// Gives a link that waits for its mail the hash of its token. Returns the link; `None` if there is
    /// none that is still good.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn attach_user_link(
        &self,
        (user, purpose): (UserId, Purpose),
        hash: &LinkHash,
        now: Timestamp,
    ) -> Result<Option<Link>, StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user, purpose)))
            .update_expression("SET link_hash = :link")
            .condition_expression("attribute_exists(pk) AND expires_at > :now")
            .expression_attribute_values(":link", bytes(hash.bytes()))
            .expression_attribute_values(":now", millis(now))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => {
                let item = answer.attributes.map(LinkItem::read).transpose()?;
                Ok(item.map(Link::from))
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}

/// Puts a link in the place of the one before.
pub(crate) fn put(user: UserId, purpose: Purpose, link: &Link) -> Write {
    Write::put(item(user, purpose, link))
}

/// Takes a link away, if it is still the newest one at `now`.
pub(crate) fn consume(user: UserId, purpose: Purpose, hash: &LinkHash, now: Timestamp) -> Write {
    Write::delete(key(user, purpose))
        .only_if("link_hash = :link AND expires_at > :now")
        .with(values([(":link", bytes(hash.bytes())), (":now", millis(now))]))
}

/// Takes back whatever link there is.
pub(crate) fn take_back(user: UserId, purpose: Purpose) -> Write {
    Write::delete(key(user, purpose))
}

fn item(user: UserId, purpose: Purpose, link: &Link) -> Attributes {
    item::write(key(user, purpose), &LinkItem::from(link))
}

/// A one-time link.
#[derive(Serialize, Deserialize)]
pub(crate) struct LinkItem {
    bound_to: Text<Email>,
    epoch: Option<u64>,
    expires_at: Millis,
    link_hash: Option<Octets<[u8; 32]>>,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&Link> for LinkItem {
    fn from(Link { hash, bound_to, epoch, expires_at }: &Link) -> Self {
        Self {
            bound_to: Text(bound_to.clone()),
            epoch: *epoch,
            expires_at: Millis(*expires_at),
            link_hash: hash.as_ref().map(|hash| Octets(*hash.bytes())),
            ttl: Ttl::at(*expires_at),
        }
    }
}

impl From<LinkItem> for Link {
    fn from(item: LinkItem) -> Self {
        Self {
            hash: item.link_hash.map(|hash| LinkHash::from_bytes(hash.0)),
            bound_to: item.bound_to.0,
            epoch: item.epoch,
            expires_at: item.expires_at.0,
        }
    }
}

/// A request for a link to choose a new password.
#[derive(Serialize, Deserialize)]
pub(crate) struct ResetItem {
    canonical_email: Text<CanonicalEmail>,
    expires_at: Millis,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&PasswordResetRequest> for ResetItem {
    fn from(PasswordResetRequest { email, expires_at, .. }: &PasswordResetRequest) -> Self {
        let (canonical_email, expires_at, ttl) =
            (Text(email.clone()), Millis(*expires_at), Ttl::at(*expires_at));
        Self { canonical_email, expires_at, ttl }
    }
}
