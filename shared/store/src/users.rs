//! Users, and the credentials that claim their addresses.

use domain::{
    CanonicalEmail, Credential, Email, Event, LinkHash, Name, PasswordHash, RegistrationId, Timestamp, User,
    UserId,
};

use crate::{
    Failure, Identities, Store,
    item::{Attributes, Item, Read},
    registrations,
    transaction::{NotCommitted, Write},
};

const SK: &str = "USER";

/// The partition of everything that is the user's own.
pub(crate) fn pk(id: UserId) -> String {
    format!("USER#{id}")
}

fn credential_pk(email: &CanonicalEmail) -> String {
    format!("EMAIL#{email}")
}

/// Why an address was not claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimRefused {
    /// Somebody has proven it before.
    #[error("the address is taken")]
    EmailTaken,
    /// The link was used, replaced, or has expired.
    #[error("the link is good no more")]
    LinkSpent,
    /// The claim could not be made.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl Store {
    /// Turns a registration into a user: claims the address, adds the user, consumes the link.
    ///
    /// # Errors
    /// [`ClaimRefused`].
    pub async fn claim(
        &self,
        (registration, link, now): (RegistrationId, &LinkHash, Timestamp),
        (user, credential): (&User, &Credential),
        event: Event,
    ) -> Result<(), ClaimRefused> {
        const CREDENTIAL: usize = 0;
        let writes = [
            Write::put(credential_item(credential)).only_if("attribute_not_exists(pk)"),
            Write::put(item(user)).only_if("attribute_not_exists(pk)"),
            registrations::consume(registration, link, now),
        ];
        self.commit(writes, event).await.map_err(|error| match error {
            // Of two requests with the same link the later finds everything refused: its link is spent.
            NotCommitted::Refused(positions) if positions == [CREDENTIAL] => ClaimRefused::EmailTaken,
            NotCommitted::Refused(_) => ClaimRefused::LinkSpent,
            NotCommitted::Failed(failure) => ClaimRefused::Failed(failure),
        })
    }
}

impl Identities {
    /// The user `id`.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Failure> {
        let item = self.get(pk(id), SK.to_owned()).await?;
        item.map(|item| parse(id, &item)).transpose()
    }

    /// The credential that claims an address.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn credential(&self, email: &CanonicalEmail) -> Result<Option<Credential>, Failure> {
        let item = self.get(credential_pk(email), "CREDENTIAL".to_owned()).await?;
        let parse = |item: Attributes| {
            let read = Read(&item);
            Ok(Credential {
                email: email.clone(),
                user_id: read.parsed("user_id", str::parse)?,
                password_hash: PasswordHash {
                    phc: read.text("password_hash")?,
                    pepper_id: read.text("pepper_id")?,
                },
            })
        };
        item.map(parse).transpose()
    }
}

/// Moves a user one version on, if nothing else has: the version of its event is the lock.
pub(crate) fn advance(user: &User) -> Write {
    let values = Item::default().number(":version", user.version).number(":before", user.version - 1);
    let values = values.number(":epoch", user.epoch).text(":status", user.status.to_string());
    Write::update(Item::at(pk(user.id), SK).build(), "SET version = :version")
        // `status` is a reserved word; its place in the item is what the decision was made on.
        .only_if("version = :before AND epoch = :epoch AND #status = :status")
        .named("#status", "status")
        .with(values)
}

/// Replaces a password's hash by a better one of the same password.
pub(crate) fn rehash(email: &CanonicalEmail, before: &PasswordHash, after: &PasswordHash) -> Write {
    let values = Item::default()
        .text(":before", &before.phc)
        .text(":after", &after.phc)
        .text(":pepper", &after.pepper_id);
    Write::update(
        Item::at(credential_pk(email), "CREDENTIAL").build(),
        "SET password_hash = :after, pepper_id = :pepper",
    )
    .only_if("password_hash = :before")
    .with(values)
}

fn item(user: &User) -> Attributes {
    Item::at(pk(user.id), SK)
        .number("version", user.version)
        .number("epoch", user.epoch)
        .text("status", user.status.to_string())
        .text("email", user.email.address())
        .text("canonical_email", user.email.canonical().as_str())
        .maybe_text("first_name", user.first_name.as_ref().map(Name::as_str))
        .maybe_text("last_name", user.last_name.as_ref().map(Name::as_str))
        .texts("roles", &user.roles)
        .moment("created_at", user.created_at)
        .moment("updated_at", user.updated_at)
        .build()
}

fn credential_item(credential: &Credential) -> Attributes {
    Item::at(credential_pk(&credential.email), "CREDENTIAL")
        .text("user_id", credential.user_id.to_string())
        .text("password_hash", &credential.password_hash.phc)
        .text("pepper_id", &credential.password_hash.pepper_id)
        .build()
}

pub(crate) fn parse(id: UserId, item: &Attributes) -> Result<User, Failure> {
    let read = Read(item);
    Ok(User {
        id,
        version: read.number("version")?,
        epoch: read.number("epoch")?,
        status: read.parsed("status", str::parse)?,
        email: read.parsed("email", Email::parse)?,
        first_name: read.maybe_parsed("first_name", Name::parse)?,
        last_name: read.maybe_parsed("last_name", Name::parse)?,
        roles: read.texts("roles")?,
        created_at: read.moment("created_at")?,
        updated_at: read.moment("updated_at")?,
    })
}
