//! Users, and what is left of them.

use domain::{
    Attributes as CustomAttributes, Email, Locale, Name, PictureId, Status, StatusName, Tombstone, User,
    UserId,
};
use serde::{Deserialize, Serialize};

use super::{
    Item, MalformedItem,
    value::{Millis, Text, Yes},
};
use crate::{Erasure, listing::Listed};

/// A user.
#[derive(Serialize, Deserialize)]
pub(crate) struct UserItem {
    version: u64,
    epoch: u64,
    credential_version: u64,
    status: Text<StatusName>,
    erase_at: Option<Millis>,
    is_final: Option<Yes>,
    was_suspended: Option<Yes>,
    email: Text<Email>,
    #[serde(skip_deserializing)]
    canonical_email: String,
    first_name: Option<Text<Name>>,
    last_name: Option<Text<Name>>,
    locale: Option<Text<Locale>>,
    attributes: Option<Text<CustomAttributes>>,
    roles: Vec<String>,
    picture: Option<Text<PictureId>>,
    invited_at: Option<Millis>,
    /// Older items lack it. They only say that the user was invited.
    no_password: Option<Yes>,
    created_at: Millis,
    updated_at: Millis,
    #[serde(skip_deserializing)]
    list_pk: String,
    #[serde(skip_deserializing)]
    list_sk: String,
}

impl From<&User> for UserItem {
    fn from(user: &User) -> Self {
        let (is_final, was_suspended) = match user.status {
            Status::Deleting { is_final, was_suspended, .. } => (is_final, was_suspended),
            Status::Active | Status::Suspended => (false, false),
        };
        let Listed { list_pk, list_sk } = Listed::by_status(user);
        Self {
            version: user.version,
            epoch: user.epoch,
            credential_version: user.credential_version,
            status: Text(user.status.name()),
            erase_at: Erasure::of(user).map(|erasure| Millis(erasure.due_at)),
            is_final: Yes::when(is_final),
            was_suspended: Yes::when(was_suspended),
            email: Text(user.email.clone()),
            canonical_email: user.email.canonical().to_string(),
            first_name: user.first_name.clone().map(Text),
            last_name: user.last_name.clone().map(Text),
            locale: user.locale.clone().map(Text),
            attributes: (!user.attributes.is_empty()).then(|| Text(user.attributes.clone())),
            roles: user.roles.clone(),
            picture: user.picture.map(Text),
            invited_at: user.invited_at.map(Millis),
            no_password: Yes::when(!user.has_password),
            created_at: Millis(user.created_at),
            updated_at: Millis(user.updated_at),
            list_pk,
            list_sk,
        }
    }
}

impl UserItem {
    /// Returns the user of this id.
    pub(crate) fn user(self, id: UserId) -> Result<User, MalformedItem> {
        let status = match self.status.0 {
            StatusName::Active => Status::Active,
            StatusName::Suspended => Status::Suspended,
            StatusName::Deleting => Status::Deleting {
                erase_at: self.erase_at.ok_or_else(|| Self::malformed("erase_at"))?.0,
                is_final: self.is_final.is_some(),
                was_suspended: self.was_suspended.is_some(),
            },
        };
        Ok(User {
            id,
            version: self.version,
            epoch: self.epoch,
            credential_version: self.credential_version,
            status,
            email: self.email.0,
            first_name: self.first_name.map(Text::into),
            last_name: self.last_name.map(Text::into),
            locale: self.locale.map(Text::into),
            attributes: self.attributes.map(Text::into).unwrap_or_default(),
            roles: self.roles,
            picture: self.picture.map(Text::into),
            has_password: self.no_password.is_none() && self.invited_at.is_none(),
            invited_at: self.invited_at.map(Millis::moment),
            created_at: self.created_at.0,
            updated_at: self.updated_at.0,
        })
    }
}

/// The item that takes the place of an erased user.
#[derive(Serialize, Deserialize)]
pub(crate) struct TombstoneItem {
    version: u64,
    status: Erased,
    created_at: Millis,
    erased_at: Millis,
}

/// The status of a tombstone.
#[derive(Serialize, Deserialize)]
enum Erased {
    #[serde(rename = "erased")]
    Erased,
}

impl From<Tombstone> for TombstoneItem {
    fn from(Tombstone { version, created_at, erased_at, .. }: Tombstone) -> Self {
        let (created_at, erased_at) = (Millis(created_at), Millis(erased_at));
        Self { version, status: Erased::Erased, created_at, erased_at }
    }
}
