//! Custom attributes, which a service declares for its users.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// The highest number of declared attributes.
const MOST_DECLARED: usize = 50;
/// The default and the highest limit of a text, in code points.
const MAX_LENGTH: usize = 200;
const LONGEST_LENGTH: usize = 1000;
/// The highest size of a user's attributes as JSON. They are part of the user's item and of events.
const MAX_BYTES: usize = 4096;
/// The limits of claims, since a token has to fit into a header: their number, and the code points of a text.
const MOST_CLAIMS: usize = 5;
const LONGEST_CLAIM: usize = 64;
/// The claims of Gatepost's own tokens, and those of the IANA registry that decide about audience and
/// permissions.
const RESERVED_CLAIMS: [&str; 43] = [
    "acr",
    "act",
    "active",
    "aud",
    "auth_time",
    "azp",
    "birthdate",
    "client_id",
    "cnf",
    "email",
    "email_verified",
    "entitlements",
    "events",
    "exp",
    "family_name",
    "gender",
    "given_name",
    "groups",
    "iat",
    "iss",
    "jti",
    "jwk",
    "locale",
    "may_act",
    "middle_name",
    "name",
    "nbf",
    "nickname",
    "nonce",
    "permissions",
    "phone_number",
    "phone_number_verified",
    "picture",
    "profile",
    "roles",
    "scope",
    "sid",
    "sub",
    "token_type",
    "updated_at",
    "username",
    "vot",
    "zoneinfo",
];

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

/// The attributes of a user, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Attributes(BTreeMap<String, Attribute>);

/// Changes of attributes: a new value, or `None` to remove the attribute.
pub type AttributeChanges = BTreeMap<String, Option<Attribute>>;

/// The attributes that a service declares.
#[derive(Clone, Debug, Default)]
pub struct AttributesSchema(BTreeMap<String, Declaration>);

/// A party that reads and writes attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accessor {
    /// The user whom the attributes describe.
    User,
    /// An administrator, the operator or the service itself.
    Admin,
}

/// A declared attribute.
#[derive(Clone, Debug)]
struct Declaration {
    rule: Rule,
    access: Access,
}

/// The parties that read and write an attribute.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Access {
    write: Accessor,
    read: Accessor,
    /// Whether access tokens contain the attribute.
    claim: bool,
}

/// The permitted values, in keywords of JSON Schema.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Rule {
    String {
        #[serde(rename = "maxLength")]
        max_length: Option<usize>,
        r#enum: Option<Vec<String>>,
    },
    Integer {
        minimum: Option<i64>,
        maximum: Option<i64>,
    },
    Boolean {},
}

impl Default for Access {
    /// Without a declaration, only administrators write an attribute.
    fn default() -> Self {
        Self { write: Accessor::Admin, read: Accessor::User, claim: false }
    }
}

/// A defect of a schema.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{}", self.sentence())]
pub enum InvalidSchema {
    /// The text is not a JSON object of declarations.
    Malformed,
    /// A name is invalid.
    Name,
    /// There are too many attributes.
    TooMany,
    /// The bounds of a declaration are impossible or too large.
    Bounds,
    /// Users cannot read an attribute that they may write or that is in their token.
    Access,
    /// A claim has a reserved name.
    ReservedClaim,
    /// There are too many claims, or a claim can be too long.
    LargeClaims,
}

/// Completes the sentence "`/attributes/…` …".
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum InvalidAttribute {
    /// The attribute is not declared.
    #[error("has a field that is not declared")]
    Undeclared,
    /// Only administrators may write the attribute.
    #[error("can be changed by administrators only")]
    NotWritable,
    /// The value does not match the declaration.
    #[error("does not match its declaration")]
    NotAsDeclared,
    /// The attributes are too large in total.
    #[error("must have at most 4096 bytes in total")]
    TooLarge,
}

impl InvalidSchema {
    /// Completes the sentence "`ATTRIBUTES_SCHEMA` …".
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "must be a JSON object of names and their declarations",
            Self::Name => "declares a name that is not 1 to 32 of a-z, 0-9 and _, the first a letter",
            Self::TooMany => "declares more than 50 attributes",
            Self::Bounds => "declares impossible bounds, or a text of more than 1000 characters",
            Self::Access => {
                "declares an attribute that users can write, or is a claim, but that they cannot read"
            }
            Self::ReservedClaim => "declares a claim with a reserved name",
            Self::LargeClaims => "declares more than 5 claims, or one whose text can exceed 64 characters",
        }
    }
}

impl FromStr for AttributesSchema {
    type Err = InvalidSchema;
    /// Parses the `properties` of a JSON Schema, with the keywords of `Rule` and `Access`.
    fn from_str(text: &str) -> Result<Self, InvalidSchema> {
        let keywords: BTreeMap<String, Map<String, Value>> =
            serde_json::from_str(text).map_err(|_| InvalidSchema::Malformed)?;
        if keywords.len() > MOST_DECLARED {
            return Err(InvalidSchema::TooMany);
        }
        if !keywords.keys().all(|name| is_name(name)) {
            return Err(InvalidSchema::Name);
        }
        let declared = |(name, keywords)| Ok((name, Declaration::parse(keywords)?));
        let schema = Self(keywords.into_iter().map(declared).collect::<Result<_, _>>()?);
        schema.check_claims()?;
        Ok(schema)
    }
}

impl AttributesSchema {
    /// Returns the change of the attribute `name` to `value` by `by`, where `null` removes it.
    ///
    /// Administrators can remove an attribute that is not declared. Users do not learn of attributes that
    /// they cannot read.
    ///
    /// # Errors
    /// [`InvalidAttribute`] if the attribute is not declared or not writable by `by`, or if the value does
    /// not match.
    pub fn change(
        &self,
        name: &str,
        value: &Value,
        by: Accessor,
    ) -> Result<Option<Attribute>, InvalidAttribute> {
        let declaration = self.0.get(name).filter(|declaration| by.includes(declaration.access.read));
        let Some(declaration) = declaration else {
            let is_removed = value.is_null() && by == Accessor::Admin;
            return if is_removed { Ok(None) } else { Err(InvalidAttribute::Undeclared) };
        };
        if !by.includes(declaration.access.write) {
            return Err(InvalidAttribute::NotWritable);
        }
        if value.is_null() {
            return Ok(None);
        }
        let value = Attribute::of(value).filter(|value| declaration.rule.permits(value));
        value.map(Some).ok_or(InvalidAttribute::NotAsDeclared)
    }

    /// Returns the removal of every attribute that users may write.
    #[must_use]
    pub fn removal_by_user(&self) -> AttributeChanges {
        let writable = self.0.iter().filter(|(_, declaration)| declaration.access.write == Accessor::User);
        writable.map(|(name, _)| (name.clone(), None)).collect()
    }

    /// Returns the attributes that their user may read. Attributes without a declaration are left out: they
    /// may have been readable by administrators only.
    #[must_use]
    pub fn readable(&self, attributes: &Attributes) -> Attributes {
        let all = attributes.0.iter().filter(|(name, _)| self.is_readable(name));
        Attributes(all.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Returns the attributes that access tokens contain, each as a claim of the same name.
    #[must_use]
    pub fn claims(&self, attributes: &Attributes) -> Attributes {
        let is_claim = |name: &str, value: &Attribute| {
            self.0.get(name).is_some_and(|declared| declared.access.claim && declared.rule.permits(value))
        };
        let claims = attributes.0.iter().filter(|(name, value)| is_claim(name, value));
        Attributes(claims.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    pub(crate) fn is_readable(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|declared| declared.access.read == Accessor::User)
    }

    fn check_claims(&self) -> Result<(), InvalidSchema> {
        let claims: Vec<_> = self.0.iter().filter(|(_, declaration)| declaration.access.claim).collect();
        if claims.iter().any(|(name, _)| RESERVED_CLAIMS.contains(&name.as_str())) {
            return Err(InvalidSchema::ReservedClaim);
        }
        let are_small = claims.iter().all(|(_, declaration)| declaration.rule.longest() <= LONGEST_CLAIM);
        if are_small && claims.len() <= MOST_CLAIMS { Ok(()) } else { Err(InvalidSchema::LargeClaims) }
    }
}

impl Accessor {
    /// Returns whether this party may do everything that `other` may: administrators include users.
    fn includes(self, other: Self) -> bool {
        self == Self::Admin || other == Self::User
    }
}

impl Declaration {
    fn parse(mut keywords: Map<String, Value>) -> Result<Self, InvalidSchema> {
        let access = ["write", "read", "claim"].into_iter().filter_map(|name| keywords.remove_entry(name));
        let access: Access =
            serde_json::from_value(access.collect()).map_err(|_| InvalidSchema::Malformed)?;
        let rule: Rule = serde_json::from_value(keywords.into()).map_err(|_| InvalidSchema::Malformed)?;
        if !rule.can_be() {
            return Err(InvalidSchema::Bounds);
        }
        let is_hidden = access.read == Accessor::Admin;
        if is_hidden && (access.write == Accessor::User || access.claim) {
            return Err(InvalidSchema::Access);
        }
        Ok(Self { rule, access })
    }
}

impl Rule {
    /// Returns whether a value can match the rule, within the limits of length.
    fn can_be(&self) -> bool {
        match self {
            Self::String { max_length, r#enum } => {
                let values = r#enum.as_deref();
                let fits = |text: &String| self.permits(&Attribute::Text(text.clone()));
                max_length.is_none_or(|most| (1..=LONGEST_LENGTH).contains(&most))
                    && values.is_none_or(|values| !values.is_empty() && values.iter().all(fits))
            }
            Self::Integer { minimum: Some(minimum), maximum: Some(maximum) } => minimum <= maximum,
            Self::Integer { .. } | Self::Boolean {} => true,
        }
    }

    /// Returns the code points of the longest text that matches the rule.
    fn longest(&self) -> usize {
        match self {
            Self::String { r#enum: Some(values), .. } => {
                values.iter().map(|text| text.chars().count()).max().unwrap_or(0)
            }
            Self::String { max_length, .. } => max_length.unwrap_or(MAX_LENGTH),
            Self::Integer { .. } | Self::Boolean {} => 0,
        }
    }

    fn permits(&self, value: &Attribute) -> bool {
        match (self, value) {
            (Self::String { max_length, r#enum }, Attribute::Text(text)) => {
                text.chars().count() <= max_length.unwrap_or(MAX_LENGTH)
                    && !text.chars().any(char::is_control)
                    && r#enum.as_ref().is_none_or(|values| values.contains(text))
            }
            (Self::Integer { minimum, maximum }, Attribute::Integer(number)) => {
                minimum.is_none_or(|minimum| minimum <= *number)
                    && maximum.is_none_or(|maximum| *number <= maximum)
            }
            (Self::Boolean {}, Attribute::Boolean(_)) => true,
            _ => false,
        }
    }
}

impl Attribute {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(Self::Text(text.clone())),
            Value::Number(number) => integer(number).map(Self::Integer),
            Value::Bool(yes) => Some(Self::Boolean(*yes)),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

/// Returns a number without a fraction as an integer: `30.0` and `3e1` are 30, as in JSON Schema. Above 2^53,
/// a number with a point or an exponent is not one exact integer.
fn integer(number: &Number) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = |number: &f64| number.fract() == 0.0 && number.abs() <= EXACT;
    let written_otherwise = || format!("{:.0}", number.as_f64().filter(is_whole)?).parse().ok();
    number.as_i64().or_else(written_otherwise)
}

impl Attributes {
    /// Returns whether there are no attributes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Parses the JSON that [`Attributes::json`] has written.
    #[must_use]
    pub fn of_json(text: &str) -> Option<Self> {
        let values: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
        let attribute = |(name, value): (String, Value)| Some((name, Attribute::of(&value)?));
        values.into_iter().map(attribute).collect::<Option<_>>().map(Self)
    }

    /// Parses the attributes of an imported user. They are checked against the general limits, but not
    /// against the declarations.
    ///
    /// # Errors
    /// [`InvalidAttribute`] if a name or a value is invalid, or if the attributes are too large in total.
    pub fn brought(text: &str) -> Result<Self, InvalidAttribute> {
        let can_be = |(name, value): (&String, &Attribute)| {
            is_name(name) && !matches!(value, Attribute::Text(text) if text.chars().any(char::is_control))
        };
        let attributes = Self::of_json(text).filter(|attributes| attributes.0.iter().all(can_be));
        attributes.ok_or(InvalidAttribute::NotAsDeclared)?.changed(&AttributeChanges::new())
    }

    /// Returns the attributes as a JSON object.
    #[must_use]
    pub fn json(&self) -> String {
        // Serialization fails only for map keys that are not strings, or for a failing `Serialize`. Neither
        // exists here.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Applies changes.
    ///
    /// # Errors
    /// [`InvalidAttribute::TooLarge`] if the result is too large in total.
    pub(crate) fn changed(mut self, changes: &AttributeChanges) -> Result<Self, InvalidAttribute> {
        for (name, value) in changes {
            match value {
                Some(value) => drop(self.0.insert(name.clone(), value.clone())),
                None => drop(self.0.remove(name)),
            }
        }
        if self.json().len() > MAX_BYTES { Err(InvalidAttribute::TooLarge) } else { Ok(self) }
    }

    /// Returns the names of the attributes that differ.
    pub(crate) fn differing(&self, other: &Self) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(other.0.keys()).collect();
        names.into_iter().filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests;
