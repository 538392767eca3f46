//! The item of a user, or of the tombstone that takes its place, and the writes of it.

use domain::{
    Attributes as CustomAttributes, Email, Locale, Name, PictureId, Status, StatusName, Tombstone,
    Transition, User, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    InvalidItem,
    dynamodb::{
        attributes::{Attributes, number, text, text_of, values},
        item::{self, Item},
        value::{Millis, Text, Yes},
    },
    identities::{administrators, keys, user_index::Listed},
    transaction::write::Write,
};

/// The status of a tombstone.
pub(crate) const ERASED: &str = "erased";

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
        let (erase_at, is_final, was_suspended) = match user.status {
            Status::Deleting { erase_at, is_final, was_suspended } => {
                (Some(Millis(erase_at)), is_final, was_suspended)
            }
            Status::Active | Status::Suspended => (None, false, false),
        };
        let Listed { list_pk, list_sk } = Listed::by_status(user);
        Self {
            version: user.version,
            epoch: user.epoch,
            credential_version: user.credential_version,
            status: Text(user.status.name()),
            erase_at,
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
    pub(crate) fn user(self, id: UserId) -> Result<User, InvalidItem> {
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

/// Moves a user one version on, if nothing else has: the version of its event is the lock.
pub(crate) fn advance(user: &User) -> Write {
    let values = values([
        (":version", number(user.version)),
        (":before", number(user.version - 1)),
        (":epoch", number(user.epoch)),
        (":status", text(user.status.to_string())),
    ]);
    Write::update(keys::user(user.id), "SET version = :version")
        // `status` is a reserved word; its place in the item is what the decision was made on.
        .only_if("version = :before AND epoch = :epoch AND #status = :status")
        .named("#status", "status")
        .with(values)
}

/// The position of the count of administrators among the writes of [`replace`], if it changes.
pub(crate) const REPLACED_COUNT: usize = 1;

/// Replaces a user by the same user one version on, if nothing else has changed them, and keeps the count of
/// administrators.
pub(crate) fn replace(change: &Transition) -> impl Iterator<Item = Write> + use<> {
    let Transition { before, after, .. } = change;
    let put = Write::put(user_item(after))
        .only_if("version = :before")
        .with(values([(":before", number(after.version - 1))]));
    let count = administrators::count_administrators(before.is_administrator(), after.is_administrator());
    [Some(put), count].into_iter().flatten()
}

/// Puts what is left in the place of a user, if nothing else has changed them.
pub(crate) fn bury(tombstone: &Tombstone) -> Write {
    let item = item::write(keys::user(tombstone.id), &TombstoneItem::from(*tombstone));
    let before = values([(":before", number(tombstone.version - 1))]);
    Write::put(item).only_if("version = :before").with(before)
}

pub(crate) fn is_tombstone(item: &Attributes) -> bool {
    text_of(item, "status") == Some(ERASED)
}

/// Adds a user.
pub(crate) fn add(user: &User) -> Write {
    Write::put(user_item(user)).only_if("attribute_not_exists(pk)")
}

/// Returns the user of an item in the user's partition.
pub(crate) fn id(key: &Attributes) -> Result<UserId, InvalidItem> {
    let id = text_of(key, "pk").and_then(|pk| pk.strip_prefix("USER#")?.parse().ok());
    id.ok_or_else(|| UserItem::malformed("pk"))
}

fn user_item(user: &User) -> Attributes {
    item::write(keys::user(user.id), &UserItem::from(user))
}

/// Reads the user of an id.
pub(crate) fn parse(id: UserId, item: Attributes) -> Result<User, InvalidItem> {
    UserItem::read(item)?.user(id)
}
