//! The files that other systems export, and our own.

mod auth0;
mod cognito;
mod django;
mod fields;
mod firebase;
mod gatepost;
mod keycloak;
mod rows;
mod supabase;

use std::{collections::HashSet, fmt};

use serde_json::{Map, Value};

use self::{fields::Fields, rows::Row};
pub(crate) use self::{firebase::HashParameters, gatepost::written, rows::Place};
use super::{
    UsersError,
    record::{Record, Wrong},
};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Gatepost,
    Auth0,
    Cognito,
    Django,
    Firebase,
    Keycloak,
    Supabase,
}

/// A file's people.
pub(crate) struct File {
    pub(crate) format: Format,
    pub(crate) people: Vec<(Place, Result<Record, Wrong>)>,
}

impl Format {
    pub(crate) const ALL: [Self; 7] = [
        Self::Gatepost,
        Self::Auth0,
        Self::Cognito,
        Self::Django,
        Self::Firebase,
        Self::Keycloak,
        Self::Supabase,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gatepost => "gatepost",
            Self::Auth0 => "auth0",
            Self::Cognito => "cognito",
            Self::Django => "django",
            Self::Firebase => "firebase",
            Self::Keycloak => "keycloak",
            Self::Supabase => "supabase",
        }
    }

    /// Whose file it is, by the fields that only theirs have.
    fn guess(first: &Map<String, Value>) -> Self {
        let has = |names: &[&str]| names.iter().any(|name| first.contains_key(*name));
        match () {
            () if has(&["localId"]) => Self::Firebase,
            () if has(&["cognito:username", "Attributes", "UserStatus"]) => Self::Cognito,
            () if has(&["encrypted_password", "email_confirmed_at"]) => Self::Supabase,
            () if has(&["model", "date_joined"]) => Self::Django,
            () if has(&["createdTimestamp", "emailVerified", "realmRoles"]) => Self::Keycloak,
            () if has(&["_id", "user_id", "passwordHash", "custom_password_hash", "identities"]) => {
                Self::Auth0
            }
            () => Self::Gatepost,
        }
    }
}

impl File {
    /// Reads a file; `format`, if it is told whose it is.
    pub(crate) fn read(
        text: &str,
        format: Option<Format>,
        parameters: Option<&HashParameters>,
    ) -> Result<Self, UsersError> {
        let rows = rows::read(text)?;
        let first = rows.iter().find_map(|(_, row)| row.as_ref().ok());
        let format = format.unwrap_or_else(|| first.map_or(Format::Gatepost, Format::guess));
        let (rows, verified) = match format {
            Format::Django => django::users(rows),
            _ => (rows, HashSet::new()),
        };
        let hashed = |row: &Row| row.as_ref().is_ok_and(|row| Fields(row).text("passwordHash").is_some());
        if format == Format::Firebase && parameters.is_none() && rows.iter().any(|(_, row)| hashed(row)) {
            return Err(UsersError::NoHashParameters);
        }
        let record = |row: &Map<String, Value>| {
            let fields = Fields(row);
            match format {
                Format::Gatepost => gatepost::record(&fields),
                Format::Auth0 => auth0::record(&fields),
                Format::Cognito => cognito::record(&fields),
                Format::Django => django::record(&fields, &verified),
                Format::Firebase => firebase::record(&fields, parameters),
                Format::Keycloak => keycloak::record(&fields),
                Format::Supabase => supabase::record(&fields),
            }
        };
        let people = rows.into_iter().map(|(place, row)| (place, row.and_then(|row| record(&row))));
        Ok(Self { format, people: people.collect() })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
