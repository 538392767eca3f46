//! Users in responses.

use std::collections::BTreeMap;

use api::WithEtag;
use cloud::{Cloud, SettingError};
use domain::{
    Attributes, AttributesSchema, Email, InvalidSchema, Locale, Name, Status, Timestamp, User, UserId,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A user, as shown to the user or an administrator. It has no credential.
#[derive(JsonSchema, Serialize)]
pub struct Profile {
    #[schemars(with = "String", extend("format" = "uuid"))]
    id: UserId,
    #[schemars(with = "String", email)]
    email: Email,
    #[schemars(with = "Option<String>")]
    first_name: Option<Name>,
    #[schemars(with = "Option<String>")]
    last_name: Option<Name>,
    /// A language tag.
    #[schemars(with = "Option<String>")]
    locale: Option<Locale>,
    /// The custom attributes. Users see only those that they may read.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    attributes: Attributes,
    /// The path of the public picture below this API, if there is one.
    #[schemars(with = "Option<String>", extend("format" = "uri-reference"))]
    picture: Option<String>,
    #[schemars(with = "String")]
    status: Status,
    roles: Vec<String>,
    /// The time of the invitation, while it is pending; otherwise missing.
    #[schemars(with = "String", extend("format" = "date-time"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_at: Option<Timestamp>,
    #[schemars(with = "String", extend("format" = "date-time"))]
    created_at: Timestamp,
    #[schemars(with = "String", extend("format" = "date-time"))]
    updated_at: Timestamp,
}

/// Parses the attributes that the setting `ATTRIBUTES_SCHEMA` declares.
///
/// # Errors
/// If the setting is missing or unusable.
pub fn attributes_schema(cloud: &Cloud) -> Result<AttributesSchema, SettingError> {
    const NAME: &str = "ATTRIBUTES_SCHEMA";
    let schema = cloud.settings().text(NAME)?;
    schema.parse().map_err(|error: InvalidSchema| SettingError::new(NAME, error.sentence()))
}

impl Profile {
    /// Returns the profile for the user, without the attributes that only administrators may read.
    #[must_use]
    pub fn for_owner(user: &User, schema: &AttributesSchema) -> Self {
        Self { attributes: schema.readable(&user.attributes), ..user.clone().into() }
    }

    /// Returns the profile for the user, with its version.
    #[must_use]
    pub fn with_etag_for_owner(user: &User, schema: &AttributesSchema) -> WithEtag<Self> {
        WithEtag { version: user.version, content: Self::for_owner(user, schema) }
    }

    /// Returns the profile for an administrator, with its version.
    #[must_use]
    pub fn with_etag(user: User) -> WithEtag<Self> {
        WithEtag { version: user.version, content: user.into() }
    }
}

impl From<User> for Profile {
    /// Returns the profile for an administrator, with all attributes.
    fn from(user: User) -> Self {
        Self {
            picture: user.picture_path(),
            id: user.id,
            email: user.email,
            first_name: user.first_name,
            last_name: user.last_name,
            locale: user.locale,
            attributes: user.attributes,
            status: user.status,
            roles: user.roles,
            invited_at: user.invited_at,
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}
