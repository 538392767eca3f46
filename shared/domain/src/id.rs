//! Identifiers: UUIDv7 (RFC 9562), so that they sort by the time they were made.

use std::{fmt, hash::Hash, marker::PhantomData, str::FromStr};

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::Timestamp;

/// The identifier of a `Kind`: an id of one kind is never taken for another.
pub struct Id<Kind>(Uuid, PhantomData<fn() -> Kind>);

/// Names the kinds of [`Id`].
pub(crate) mod kind {
    /// A registration that waits for its address to be proven.
    pub enum Registration {}
    /// A request for another verification mail.
    pub enum Resend {}
    /// A request for a link to choose a new password.
    pub enum Reset {}
    /// A user.
    pub enum User {}
    /// A session of a user.
    pub enum Session {}
    /// A device that somebody logs in with.
    pub enum Device {}
    /// A picture of a user.
    pub enum Picture {}
    /// An event: what consumers de-duplicate on.
    pub enum Event {}
}

/// Identifies a registration; the user who comes of it keeps the same UUID.
pub type RegistrationId = Id<kind::Registration>;
/// Identifies a request for another verification mail.
pub type ResendId = Id<kind::Resend>;
/// Identifies a request for a link to choose a new password.
pub type ResetId = Id<kind::Reset>;
/// Identifies a user.
pub type UserId = Id<kind::User>;
/// Identifies a session.
pub type SessionId = Id<kind::Session>;
/// Identifies a device that somebody logs in with.
pub type DeviceId = Id<kind::Device>;
/// Identifies a picture of a user: another picture is another id.
pub type PictureId = Id<kind::Picture>;
/// Identifies an event.
pub type EventId = Id<kind::Event>;

impl<Kind> Id<Kind> {
    /// A new id for the moment `now` and 80 random bits (74 are kept, RFC 9562 section 5.7).
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.millis()).unwrap_or(0);
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The id with this UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// Its UUID.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl RegistrationId {
    /// The user that this registration becomes once its address is proven.
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
