//! Registrations and what leads to them: the newest one of an address, and requests to mail again.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};
use domain::{
    Applicant, CanonicalEmail, Email, Event, LinkHash, Locale, Name, PasswordHash, Registration,
    RegistrationId, RegistrationTokenHash, ResendId, ResendRequest, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{
    AddressHash, Commands, CommitError, Identities, InvalidItem, StoreError,
    dynamodb::{
        attributes::{self, Attributes, bytes, millis, values},
        item::{self, Item},
        value::{Millis, Octets, Text, Ttl},
    },
    transaction::write::Write,
};

fn key(id: RegistrationId) -> Attributes {
    attributes::key(format!("REGISTRATION#{id}"), "REGISTRATION")
}

/// Hashed, since nobody has proven the address: whose it is may have been erased, or may not know of it.
fn pending_key(email: &CanonicalEmail) -> Attributes {
    attributes::key(format!("PENDING#{}", AddressHash::of(email).as_str()), "PENDING")
}

fn resend_key(id: ResendId) -> Attributes {
    attributes::key(format!("RESEND#{id}"), "RESEND")
}

impl Commands<'_> {
    /// Adds a registration, which also becomes the newest one of its address.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn add_registration(
        &self,
        registration: &Registration,
        event: &Event,
    ) -> Result<(), CommitError> {
        let newest =
            PendingItem { registration_id: Text(registration.id), ttl: Ttl::at(registration.expires_at) };
        let newest = item::write(pending_key(registration.applicant.email.canonical()), &newest);
        let item = item::write(key(registration.id), &RegistrationItem::from(registration));
        let writes = [Write::put(item).only_if("attribute_not_exists(pk)"), Write::put(newest)];
        self.commit(writes, event).await.map_err(CommitError::conflict)
    }

    /// Adds a request to mail again. It is the same write for every address, known or not.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn add_resend(&self, request: &ResendRequest, event: &Event) -> Result<(), CommitError> {
        let item = item::write(resend_key(request.id), &ResendItem::from(request));
        self.commit([Write::put(item)], event).await.map_err(CommitError::conflict)
    }
}

impl Identities {
    /// The registration `id`, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, StoreError> {
        let item = self.find::<RegistrationItem>(key(id)).await?;
        Ok(item.map(|item| item.registration(id)).transpose()?)
    }

    /// The newest registration of an address.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn pending_registration(
        &self,
        email: &CanonicalEmail,
    ) -> Result<Option<RegistrationId>, StoreError> {
        let item = self.find::<PendingItem>(pending_key(email)).await?;
        Ok(item.map(|item| item.registration_id.0))
    }

    /// The address that a request to mail again names.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn resend(&self, id: ResendId) -> Result<Option<CanonicalEmail>, StoreError> {
        let item = self.find::<ResendItem>(resend_key(id)).await?;
        Ok(item.map(|item| item.canonical_email.0))
    }

    /// Makes `link` the newest link of a registration. Returns the registration; `None` if there is none
    /// that is still good.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn attach_link(
        &self,
        id: RegistrationId,
        link: &LinkHash,
        now: Timestamp,
    ) -> Result<Option<Registration>, StoreError> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(id)))
            .update_expression("SET link_hash = :link")
            .condition_expression("attribute_exists(pk) AND expires_at > :now")
            .expression_attribute_values(":link", bytes(link.bytes()))
            .expression_attribute_values(":now", millis(now))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => {
                let item = answer.attributes.map(RegistrationItem::read).transpose()?;
                Ok(item.map(|item| item.registration(id)).transpose()?)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(StoreError::of("UpdateItem", error)),
            },
        }
    }
}

/// Takes a verified registration away, if `link` is still its newest link at `now`.
pub(crate) fn consume(id: RegistrationId, link: &LinkHash, now: Timestamp) -> Write {
    Write::delete(key(id))
        .only_if("link_hash = :link AND expires_at > :now")
        .with(values([(":link", bytes(link.bytes())), (":now", millis(now))]))
}

/// A registration.
#[derive(Serialize, Deserialize)]
pub(crate) struct RegistrationItem {
    email: Text<Email>,
    #[serde(skip_deserializing)]
    canonical_email: String,
    first_name: Option<Text<Name>>,
    last_name: Option<Text<Name>>,
    locale: Option<Text<Locale>>,
    password_hash: Option<String>,
    pepper_id: Option<String>,
    token_hash: Option<Octets<[u8; 32]>>,
    link_hash: Option<Octets<[u8; 32]>>,
    expires_at: Millis,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&Registration> for RegistrationItem {
    fn from(registration: &Registration) -> Self {
        let Registration { applicant, password_hash, token_hash, link, expires_at, .. } = registration;
        let Applicant { email, first_name, last_name, locale } = applicant.clone();
        let (password_hash, pepper_id) = password_hash.clone().map(|hash| (hash.phc, hash.pepper_id)).unzip();
        Self {
            canonical_email: email.canonical().to_string(),
            email: Text(email),
            first_name: first_name.map(Text),
            last_name: last_name.map(Text),
            locale: locale.map(Text),
            password_hash,
            pepper_id,
            token_hash: token_hash.as_ref().map(|hash| Octets(*hash.bytes())),
            link_hash: link.as_ref().map(|hash| Octets(*hash.bytes())),
            expires_at: Millis(*expires_at),
            ttl: Ttl::at(*expires_at),
        }
    }
}

impl RegistrationItem {
    /// Returns the registration of this id.
    pub(crate) fn registration(self, id: RegistrationId) -> Result<Registration, InvalidItem> {
        let password_hash = match (self.password_hash, self.pepper_id) {
            (Some(phc), Some(pepper_id)) => Some(PasswordHash { phc, pepper_id }),
            (Some(_), None) => return Err(Self::malformed("pepper_id")),
            (None, _) => None,
        };
        let applicant = Applicant {
            email: self.email.0,
            first_name: self.first_name.map(Text::into),
            last_name: self.last_name.map(Text::into),
            locale: self.locale.map(Text::into),
        };
        Ok(Registration {
            id,
            applicant,
            password_hash,
            token_hash: self.token_hash.map(|hash| RegistrationTokenHash::from_bytes(hash.0)),
            link: self.link_hash.map(|hash| LinkHash::from_bytes(hash.0)),
            expires_at: self.expires_at.0,
        })
    }
}

/// The newest registration of an address.
#[derive(Serialize, Deserialize)]
pub(crate) struct PendingItem {
    registration_id: Text<RegistrationId>,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

/// A request for another verification mail.
#[derive(Serialize, Deserialize)]
pub(crate) struct ResendItem {
    canonical_email: Text<CanonicalEmail>,
    #[serde(skip_deserializing)]
    ttl: Ttl,
}

impl From<&ResendRequest> for ResendItem {
    fn from(ResendRequest { email, expires_at, .. }: &ResendRequest) -> Self {
        Self { canonical_email: Text(email.clone()), ttl: Ttl::at(*expires_at) }
    }
}
