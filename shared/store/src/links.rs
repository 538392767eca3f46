//! A user's one-time links: the newest of each purpose.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};
use domain::{
    CanonicalEmail, Email, Event, Link, LinkHash, PasswordResetRequest, Purpose, ResetId, Timestamp, UserId,
};

use crate::{
    Failure, Identities,
    item::{Attributes, Item, Read, bytes, number},
    registrations,
    transaction::{Commands, Write},
    users,
};

fn key(user: UserId, purpose: Purpose) -> Item {
    Item::at(users::pk(user), format!("LINK#{}", purpose.name()))
}

fn reset_pk(id: ResetId) -> String {
    format!("RESET#{id}")
}

impl Commands<'_> {
    /// Adds a request for a link to choose a new password. It is the same write for every address,
    /// known or not.
    ///
    /// # Errors
    /// If the tables cannot take it.
    pub async fn add_password_reset(
        &self,
        request: &PasswordResetRequest,
        event: Event,
    ) -> Result<(), Failure> {
        let item = Item::at(reset_pk(request.id), "RESET")
            .text("canonical_email", request.email.as_str())
            .moment("expires_at", request.expires_at)
            .ttl(request.expires_at)
            .build();
        self.commit([Write::put(item)], event).await.map_err(registrations::unexpected)
    }
}

impl Identities {
    /// The address that a request for a new password names, and until when the request matters.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn password_reset(&self, id: ResetId) -> Result<Option<(CanonicalEmail, Timestamp)>, Failure> {
        let Some(item) = self.get(reset_pk(id), "RESET".to_owned()).await? else { return Ok(None) };
        let read = Read(&item);
        let email = read.parsed("canonical_email", Email::parse)?;
        Ok(Some((email.canonical().clone(), read.moment("expires_at")?)))
    }

    /// A user's newest link for a purpose, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn link(&self, user: UserId, purpose: Purpose) -> Result<Option<Link>, Failure> {
        let item = self.get(users::pk(user), format!("LINK#{}", purpose.name())).await?;
        item.map(|item| parse(&item)).transpose()
    }

    /// Makes a link the newest of its user and purpose.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn put_link(&self, user: UserId, purpose: Purpose, link: &Link) -> Result<(), Failure> {
        let item = item(user, purpose, link);
        let put = self.dynamodb.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| Failure::of("PutItem", error))
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
    ) -> Result<Option<Link>, Failure> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(user, purpose).build()))
            .update_expression("SET link_hash = :link")
            .condition_expression("attribute_exists(pk) AND expires_at > :now")
            .expression_attribute_values(":link", bytes(hash.bytes()))
            .expression_attribute_values(":now", number(now.millis()))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => answer.attributes.map(|item| parse(&item)).transpose(),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(Failure::of("UpdateItem", error)),
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
    Write::delete(key(user, purpose).build())
        .only_if("link_hash = :link AND expires_at > :now")
        .with(Item::default().bytes(":link", hash.bytes()).moment(":now", now))
}

/// Takes back whatever link there is.
pub(crate) fn take_back(user: UserId, purpose: Purpose) -> Write {
    Write::delete(key(user, purpose).build())
}

fn item(user: UserId, purpose: Purpose, link: &Link) -> Attributes {
    let item = key(user, purpose)
        .text("bound_to", link.bound_to.address())
        .maybe_number("epoch", link.epoch)
        .moment("expires_at", link.expires_at)
        .maybe_bytes("link_hash", link.hash.as_ref().map(LinkHash::bytes))
        .ttl(link.expires_at);
    item.build()
}

fn parse(item: &Attributes) -> Result<Link, Failure> {
    let read = Read(item);
    Ok(Link {
        hash: read.maybe_bytes("link_hash")?.map(LinkHash::from_bytes),
        bound_to: read.parsed("bound_to", Email::parse)?,
        epoch: item.contains_key("epoch").then(|| read.number("epoch")).transpose()?,
        expires_at: read.moment("expires_at")?,
    })
}
