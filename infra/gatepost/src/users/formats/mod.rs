//! The files that other systems export, and our own.

mod auth0;
mod cognito;
mod django;
mod fields;
mod firebase;
mod gatepost;
mod keycloak;
mod rows;
mod status;
mod supabase;

use std::{collections::HashSet, fmt};

use serde_json::{Map, Value};

use self::{
    fields::Fields,
    rows::{Row, Rows},
};
pub(crate) use self::{firebase::HashParameters, gatepost::written, rows::Place};
use super::{
    UsersError,
    record::{Record, Wrong},
};

/// The system that a file was exported from.
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

    /// Fields that, all together, only the exports of one system have.
    const SIGNATURES: [(Self, &[&str]); 12] = [
        (Self::Auth0, &["_tmp_is_unique", "connection"]),
        (Self::Auth0, &["passwordHash", "connection", "tenant"]),
        (Self::Auth0, &["custom_password_hash"]),
        (Self::Auth0, &["user_id", "identities", "email_verified"]),
        (Self::Cognito, &["cognito:username"]),
        (Self::Cognito, &["Attributes", "UserStatus"]),
        (Self::Django, &["model", "pk", "fields"]),
        (Self::Django, &["date_joined", "is_superuser"]),
        (Self::Firebase, &["localId"]),
        (Self::Keycloak, &["createdTimestamp", "enabled"]),
        (Self::Keycloak, &["realmRoles"]),
        (Self::Supabase, &["encrypted_password", "email_confirmed_at"]),
    ];

    /// Returns the only system whose exports look like this row.
    fn guess(row: &Map<String, Value>) -> Option<Self> {
        let fits = |(_, names): &(Self, &[&str])| names.iter().all(|name| row.contains_key(*name));
        let mut found = Self::SIGNATURES.into_iter().filter(fits).map(|(format, _)| format);
        match found.next() {
            Some(first) => found.all(|other| other == first).then_some(first),
            None => gatepost::has_no_unknown_field(row).then_some(Self::Gatepost),
        }
    }

    /// The fields of a status that [`File::read`] takes into account.
    const fn status_fields(self) -> &'static [&'static str] {
        match self {
            Self::Gatepost => &["status"],
            Self::Auth0 => &["blocked"],
            Self::Cognito => &["Enabled", "UserStatus"],
            Self::Django => &["is_active"],
            Self::Firebase => &["disabled"],
            Self::Keycloak => &["enabled"],
            Self::Supabase => &["banned_until", "deleted_at"],
        }
    }

    /// Refuses a file with a status that would be lost.
    fn check_statuses(self, rows: &Rows) -> Result<(), UsersError> {
        for (place, row) in rows {
            let unread = |(name, value): &(&String, &Value)| {
                !value.is_null() && status::is_status(name) && !self.status_fields().contains(&name.as_str())
            };
            // Our own format refuses each unknown field by line.
            if let Some((name, _)) = row.iter().flatten().find(unread).filter(|_| self != Self::Gatepost) {
                let field = name.chars().take(40).collect();
                return Err(UsersError::UnreadStatus { place: *place, field, format: self });
            }
        }
        Ok(())
    }
}

impl File {
    /// Reads a file, in the format that was asked for or that its first row tells.
    pub(crate) fn read(
        text: &str,
        format: Option<Format>,
        parameters: Option<&HashParameters>,
    ) -> Result<Self, UsersError> {
        let rows = rows::read(text)?;
        let first = rows.iter().find_map(|(_, row)| row.as_ref().ok());
        let guess = || first.map_or(Some(Format::Gatepost), Format::guess);
        let format = format.or_else(guess).ok_or(UsersError::UnknownFormat)?;
        let (rows, verified) = match format {
            Format::Cognito => (cognito::users(rows), HashSet::new()),
            Format::Django => django::users(rows),
            _ => (rows, HashSet::new()),
        };
        format.check_statuses(&rows)?;
        let hashed = |row: &Row| row.as_ref().is_ok_and(|row| Fields(row).value("passwordHash").is_some());
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
