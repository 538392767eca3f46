//! The keys of users, credentials and roles, which several modules need.

use domain::{CanonicalEmail, RoleName, UserId};

use crate::dynamodb::attributes::{Attributes, key, text_of};

/// The sort key of a user.
pub(crate) const USER: &str = "USER";
/// The partition of the roles.
pub(crate) const ROLES: &str = "ROLES";

/// The partition of everything that is the user's own.
pub(crate) fn user_pk(id: UserId) -> String {
    format!("USER#{id}")
}

pub(crate) fn user(id: UserId) -> Attributes {
    key(user_pk(id), USER)
}

pub(crate) fn credential(email: &CanonicalEmail) -> Attributes {
    key(format!("EMAIL#{email}"), "CREDENTIAL")
}

/// Sorts by version.
pub(crate) fn former_email_sk(version: u64) -> String {
    format!("FORMER_EMAIL#{version:020}")
}

pub(crate) fn role(name: &RoleName) -> Attributes {
    key(ROLES, name.as_str())
}

/// Whether an item of a user's partition is the user.
pub(crate) fn is_user(key: &Attributes) -> bool {
    text_of(key, "sk") == Some(USER)
}
