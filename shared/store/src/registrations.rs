//! Registrations and what leads to them: the newest one of an address, and requests to mail again.

use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::ReturnValue};
use domain::{
    Applicant, CanonicalEmail, Email, Event, LinkHash, Locale, Name, PasswordHash, Registration,
    RegistrationId, RegistrationTokenHash, ResendId, ResendRequest, Timestamp,
};

use crate::{
    AddressHash, Failure, Identities,
    item::{Attributes, Item, Read, bytes, number},
    transaction::{Commands, NotCommitted, Write},
};

const SK: &str = "REGISTRATION";

fn pk(id: RegistrationId) -> String {
    format!("REGISTRATION#{id}")
}

/// Hashed, since nobody has proven the address: whose it is may have been erased, or may not know of it.
fn pending_pk(email: &CanonicalEmail) -> String {
    format!("PENDING#{}", AddressHash::of(email).as_str())
}

fn resend_pk(id: ResendId) -> String {
    format!("RESEND#{id}")
}

impl Commands<'_> {
    /// Adds a registration, which also becomes the newest one of its address.
    ///
    /// # Errors
    /// If the tables cannot take it.
    pub async fn add_registration(&self, registration: &Registration, event: Event) -> Result<(), Failure> {
        let newest = Item::at(pending_pk(registration.applicant.email.canonical()), "PENDING")
            .text("registration_id", registration.id.to_string())
            .ttl(registration.expires_at)
            .build();
        let writes = [Write::put(item(registration)).only_if("attribute_not_exists(pk)"), Write::put(newest)];
        self.commit(writes, event).await.map_err(unexpected)
    }

    /// Adds a request to mail again. It is the same write for every address, known or not.
    ///
    /// # Errors
    /// If the tables cannot take it.
    pub async fn add_resend(&self, request: &ResendRequest, event: Event) -> Result<(), Failure> {
        let item = Item::at(resend_pk(request.id), "RESEND")
            .text("canonical_email", request.email.as_str())
            .ttl(request.expires_at)
            .build();
        self.commit([Write::put(item)], event).await.map_err(unexpected)
    }
}

/// A new id collides with no other one, so a refusal says nothing of the next attempt with another id.
pub(crate) fn unexpected(error: NotCommitted) -> Failure {
    match error {
        NotCommitted::Refused(_) => Failure::Contended,
        NotCommitted::Failed(failure) => failure,
    }
}

impl Identities {
    /// The registration `id`, expired or not.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn registration(&self, id: RegistrationId) -> Result<Option<Registration>, Failure> {
        let item = self.get(pk(id), SK.to_owned()).await?;
        item.map(|item| parse(id, &item)).transpose()
    }

    /// The newest registration of an address.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn pending_registration(
        &self,
        email: &CanonicalEmail,
    ) -> Result<Option<RegistrationId>, Failure> {
        let item = self.get(pending_pk(email), "PENDING".to_owned()).await?;
        item.map(|item| Read(&item).parsed("registration_id", str::parse)).transpose()
    }

    /// The address that a request to mail again names.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn resend(&self, id: ResendId) -> Result<Option<CanonicalEmail>, Failure> {
        let item = self.get(resend_pk(id), "RESEND".to_owned()).await?;
        let email = item.map(|item| Read(&item).parsed("canonical_email", Email::parse)).transpose()?;
        Ok(email.map(|email| email.canonical().clone()))
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
    ) -> Result<Option<Registration>, Failure> {
        let update = self
            .dynamodb
            .update_item()
            .table_name(&self.table)
            .set_key(Some(Item::at(pk(id), SK).build()))
            .update_expression("SET link_hash = :link")
            .condition_expression("attribute_exists(pk) AND expires_at > :now")
            .expression_attribute_values(":link", bytes(link.bytes()))
            .expression_attribute_values(":now", number(now.millis()))
            .return_values(ReturnValue::AllNew);
        match update.send().await {
            Ok(answer) => answer.attributes.map(|item| parse(id, &item)).transpose(),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(_)) => Ok(None),
                _ => Err(Failure::of("UpdateItem", error)),
            },
        }
    }
}

/// Takes a verified registration away, if `link` is still its newest link at `now`.
pub(crate) fn consume(id: RegistrationId, link: &LinkHash, now: Timestamp) -> Write {
    Write::delete(Item::at(pk(id), SK).build())
        .only_if("link_hash = :link AND expires_at > :now")
        .with(Item::default().bytes(":link", link.bytes()).moment(":now", now))
}

fn item(registration: &Registration) -> Attributes {
    let Registration { id, applicant, password_hash, token_hash, link, expires_at } = registration;
    let Applicant { email, first_name, last_name, locale } = applicant;
    let item = Item::at(pk(*id), SK)
        .text("email", email.address())
        .text("canonical_email", email.canonical().as_str())
        .maybe_text("first_name", first_name.as_ref().map(Name::as_str))
        .maybe_text("last_name", last_name.as_ref().map(Name::as_str))
        .maybe_text("locale", locale.as_ref().map(Locale::as_str))
        .maybe_text("password_hash", password_hash.as_ref().map(|hash| &hash.phc))
        .maybe_text("pepper_id", password_hash.as_ref().map(|hash| &hash.pepper_id))
        .maybe_bytes("token_hash", token_hash.as_ref().map(RegistrationTokenHash::bytes))
        .maybe_bytes("link_hash", link.as_ref().map(LinkHash::bytes))
        .moment("expires_at", *expires_at)
        .ttl(*expires_at);
    item.build()
}

fn parse(id: RegistrationId, item: &Attributes) -> Result<Registration, Failure> {
    let read = Read(item);
    let applicant = Applicant {
        email: read.parsed("email", Email::parse)?,
        first_name: read.maybe_parsed("first_name", Name::parse)?,
        last_name: read.maybe_parsed("last_name", Name::parse)?,
        locale: read.maybe_parsed("locale", Locale::parse)?,
    };
    Ok(Registration {
        id,
        applicant,
        password_hash: match read.maybe_text("password_hash") {
            Some(phc) => Some(PasswordHash { phc, pepper_id: read.text("pepper_id")? }),
            None => None,
        },
        token_hash: read.maybe_bytes("token_hash")?.map(RegistrationTokenHash::from_bytes),
        link: read.maybe_bytes("link_hash")?.map(LinkHash::from_bytes),
        expires_at: read.moment("expires_at")?,
    })
}
