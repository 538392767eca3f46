//! A user, as it is shown.

use domain::{Email, Name, Status, Timestamp, User, UserId};
use serde::Serialize;

/// A user, as it is shown to itself. It cannot hold a credential.
#[derive(Serialize)]
pub struct Profile {
    id: UserId,
    email: Email,
    first_name: Option<Name>,
    last_name: Option<Name>,
    status: Status,
    roles: Vec<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl From<User> for Profile {
    fn from(user: User) -> Self {
        let User { id, email, first_name, last_name, status, roles, created_at, updated_at, .. } = user;
        Self { id, email, first_name, last_name, status, roles, created_at, updated_at }
    }
}
