//! The values of attributes that are not plain text or numbers.

use std::fmt;

use domain::{
    Attributes as CustomAttributes, CanonicalEmail, ClientSecretId, Email, Locale, Name, PasswordHash,
    Permission, PictureId, RegistrationId, RoleName, StatusName, Timestamp, UserId, Week,
    oauth::{ClientId, ClientName},
};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, Visitor},
};

/// A value that is stored as text.
pub(crate) trait AsText: Sized {
    /// Returns the stored text.
    fn text(&self) -> String;
    /// Returns the value of a stored text; `None` if the text is unusable.
    fn parse(text: &str) -> Option<Self>;
}

/// Text.
pub(crate) struct Text<T>(pub(crate) T);

/// A moment as a number of milliseconds.
pub(crate) struct Millis(pub(crate) Timestamp);

/// The moment when the table may delete the item, as a number of seconds. Nothing is decided by it.
#[derive(Clone, Copy, Default, Serialize)]
pub(crate) struct Ttl(i64);

/// Octets: `[u8; 32]` or `Vec<u8>`.
pub(crate) struct Octets<T>(pub(crate) T);

/// A fact that is either stored or left out.
#[derive(Serialize, Deserialize)]
pub(crate) enum Yes {
    #[serde(rename = "yes")]
    Yes,
}

impl Ttl {
    pub(crate) const fn at(moment: Timestamp) -> Self {
        Self(moment.seconds())
    }
}

impl Yes {
    /// Returns `Some` if the fact is to be stored.
    pub(crate) fn when(holds: bool) -> Option<Self> {
        holds.then_some(Self::Yes)
    }
}

impl<T> Text<T> {
    pub(crate) fn into(self) -> T {
        self.0
    }
}

impl Millis {
    pub(crate) const fn moment(self) -> Timestamp {
        self.0
    }
}

impl<T: AsText> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

impl<'de, T: AsText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        T::parse(&text).map(Self).ok_or_else(|| D::Error::custom("unusable text"))
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0.millis())
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        i64::deserialize(deserializer).map(Timestamp::from_millis).map(Self)
    }
}

impl<T: AsRef<[u8]>> Serialize for Octets<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_ref())
    }
}

impl<'de, T: TryFrom<Vec<u8>>> Deserialize<'de> for Octets<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let octets = deserializer.deserialize_byte_buf(OctetsVisitor)?;
        T::try_from(octets).map(Self).map_err(|_| D::Error::custom("octets of another length"))
    }
}

struct OctetsVisitor;

impl Visitor<'_> for OctetsVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("octets")
    }

    fn visit_bytes<E>(self, octets: &[u8]) -> Result<Vec<u8>, E> {
        Ok(octets.to_vec())
    }
}

/// Stores types as the text that a method returns and that their `parse` takes.
macro_rules! by_parse {
    ($($type:ident::$text:ident,)*) => {
        $(impl AsText for $type {
            fn text(&self) -> String {
                self.$text().to_owned()
            }

            fn parse(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        })*
    };
}

/// Stores types as they are displayed.
macro_rules! by_display {
    ($($type:ident,)*) => {
        $(impl AsText for $type {
            fn text(&self) -> String {
                self.to_string()
            }

            fn parse(text: &str) -> Option<Self> {
                text.parse().ok()
            }
        })*
    };
}

by_parse! { ClientId::as_str, ClientName::as_str, Email::address, Locale::as_str, Name::as_str, Permission::as_str, RoleName::as_str, }
by_display! { ClientSecretId, PictureId, RegistrationId, StatusName, UserId, Week, }

impl AsText for CanonicalEmail {
    fn text(&self) -> String {
        self.to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        Email::parse(text).ok().map(|email| email.canonical().clone())
    }
}

impl AsText for CustomAttributes {
    fn text(&self) -> String {
        self.json()
    }

    fn parse(text: &str) -> Option<Self> {
        Self::of_json(text)
    }
}

/// The id of the pepper, which has no space, then the PHC string.
impl AsText for PasswordHash {
    fn text(&self) -> String {
        format!("{} {}", self.pepper_id, self.phc)
    }

    fn parse(text: &str) -> Option<Self> {
        let (pepper_id, phc) = text.split_once(' ')?;
        Some(Self { phc: phc.to_owned(), pepper_id: pepper_id.to_owned() })
    }
}
