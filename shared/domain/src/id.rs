//! Identifiers: UUIDs of version 7 (RFC 9562), which sort by creation time.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use uuid::Uuid;

use crate::Timestamp;

/// The identifier of a `Kind`. Ids of different kinds cannot be mixed up.
pub struct Id<Kind>(Uuid, PhantomData<fn() -> Kind>);

/// The kinds of [`Id`].
pub(crate) mod kind {
    /// A registration, which waits for the proof of its address.
    pub enum Registration {}
    /// A request for another verification mail.
    pub enum Resend {}
    /// A request for a password reset link.
    pub enum Reset {}
    /// A user.
    pub enum User {}
    /// A session of a user.
    pub enum Session {}
    /// A device, from which a user logs in.
    pub enum Device {}
    /// A picture of a user.
    pub enum Picture {}
    /// An event. Consumers de-duplicate by its id.
    pub enum Event {}
    /// A grant of an OAuth client.
    pub enum Grant {}
    /// A secret of an OAuth client.
    pub enum ClientSecret {}
}

/// The id of a registration. Its user keeps the same UUID.
pub type RegistrationId = Id<kind::Registration>;
/// The id of a request for another verification mail.
pub type ResendId = Id<kind::Resend>;
/// The id of a request for a password reset link.
pub type ResetId = Id<kind::Reset>;
/// The id of a user.
pub type UserId = Id<kind::User>;
/// The id of a session.
pub type SessionId = Id<kind::Session>;
/// The id of a device, from which a user logs in.
pub type DeviceId = Id<kind::Device>;
/// The id of a picture. Each new picture has a new id.
pub type PictureId = Id<kind::Picture>;
/// The id of an event.
pub type EventId = Id<kind::Event>;
/// Identifies a grant of an OAuth client.
pub type GrantId = Id<kind::Grant>;
/// Identifies a secret of an OAuth client.
pub type ClientSecretId = Id<kind::ClientSecret>;

impl<Kind> Id<Kind> {
    /// Creates an id from the time `now` and 80 random bits, of which 74 are kept (RFC 9562, section 5.7).
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Creates the id with this UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// Returns the UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl RegistrationId {
    /// Returns the id of the user that this registration becomes.
    #[must_use]
    pub const fn user(self) -> UserId {
        Id::from_uuid(self.0)
    }
}

impl<Kind> FromStr for Id<Kind> {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text).map(Self::from_uuid)
    }
}

impl<Kind> Clone for Id<Kind> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<Kind> Copy for Id<Kind> {}
impl<Kind> PartialEq for Id<Kind> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<Kind> Eq for Id<Kind> {}
impl<Kind> Hash for Id<Kind> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<Kind> fmt::Display for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}
impl<Kind> fmt::Debug for Id<Kind> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<Kind> Serialize for Id<Kind> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, Kind> Deserialize<'de> for Id<Kind> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("not a UUID"))
    }
}
