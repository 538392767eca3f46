//! The formats of users: exports of other systems, and Gatepost's own.

mod auth0;
mod cognito;
mod django;
mod document;
mod fields;
mod firebase;
mod gatepost;
mod keycloak;
mod rows;
mod stable_file;
mod status;
mod supabase;

use std::{collections::HashSet, fmt, path::Path};

use serde_json::{Map, Value};

use self::{
    fields::Fields,
    rows::{Row, Rows},
};
pub(crate) use self::{
    firebase::HashParameters,
    gatepost::written,
    rows::Place,
    stable_file::{Digest, digest_of},
};
use super::record::{Record, Wrong};
use crate::error::CliError;

/// The system that a file was exported from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    Gatepost,
    Auth0,
    Cognito,
    Django,
    Firebase,
    Keycloak,
    Supabase,
}

/// A file of users. Each visit reads it again, so that only one user at a time is in memory.
pub(crate) struct UsersFile {
    pub(crate) format: Format,
    rows: Rows,
    parameters: Option<HashParameters>,
    /// Digests of the addresses that a dump of Django has verified.
    verified: HashSet<Digest>,
}

impl Format {
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

    /// Sets of fields that only the exports of one system have.
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

    /// Returns the system whose exports look like this row, if it is the only one.
    fn guess(row: &Map<String, Value>) -> Option<Self> {
        let fits = |(_, names): &(Self, &[&str])| names.iter().all(|name| row.contains_key(*name));
        let mut found = Self::SIGNATURES.into_iter().filter(fits).map(|(format, _)| format);
        match found.next() {
            Some(first) => found.all(|other| other == first).then_some(first),
            None => gatepost::has_no_unknown_field(row).then_some(Self::Gatepost),
        }
    }

    /// Returns the status fields that the import evaluates.
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

    /// Returns the user in a row, with all fields on one level. Other rows of a dump have none.
    fn user(self, row: Row) -> Option<Row> {
        match self {
            Self::Cognito => Some(row.and_then(cognito::user)),
            Self::Django => django::user(row),
            _ => Some(row),
        }
    }

    /// Refuses a user with a status that would be lost.
    fn check_status(self, place: Place, row: &Map<String, Value>) -> Result<(), CliError> {
        let unread = |(name, value): &(&String, &Value)| {
            !value.is_null() && status::is_status(name) && !self.status_fields().contains(&name.as_str())
        };
        // Gatepost's own format refuses each unknown field by line.
        match row.iter().find(unread).filter(|_| self != Self::Gatepost) {
            Some((name, _)) => {
                let field = name.chars().take(40).collect();
                Err(CliError::UnreadStatus { place, field, format: self })
            }
            None => Ok(()),
        }
    }
}

impl UsersFile {
    /// Opens a file, and checks all of its users for the format, unless it is given, and for statuses that
    /// would be lost.
    pub(crate) fn open(
        path: &Path,
        format: Option<Format>,
        parameters: Option<HashParameters>,
    ) -> Result<Self, CliError> {
        let (mut rows, mut found, mut verified) = (Rows::open(path)?, format, HashSet::new());
        let mut has_hashes = false;
        rows.visit(&mut |place, row| {
            let Ok(row) = row else { return Ok(()) };
            let format = match found {
                Some(format) => format,
                None => *found.insert(Format::guess(&row).ok_or(CliError::UnknownFormat)?),
            };
            if format == Format::Django {
                verified.extend(django::verified(&row));
            }
            let Some(Ok(user)) = format.user(Ok(row)) else { return Ok(()) };
            has_hashes |= Fields(&user).value("passwordHash").is_some();
            format.check_status(place, &user)
        })?;
        let format = found.unwrap_or(Format::Gatepost);
        if format == Format::Firebase && parameters.is_none() && has_hashes {
            return Err(CliError::NoHashParameters);
        }
        Ok(Self { format, rows, parameters, verified })
    }

    /// Calls `each` with every user in sequence, until the first error.
    pub(crate) fn visit(
        &mut self,
        mut each: impl FnMut(Place, Result<Record, Wrong>) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let Self { format, rows, parameters, verified } = self;
        let record = |row: Map<String, Value>| {
            let fields = Fields(&row);
            match format {
                Format::Gatepost => gatepost::record(&fields),
                Format::Auth0 => auth0::record(&fields),
                Format::Cognito => cognito::record(&fields),
                Format::Django => django::record(&fields, verified),
                Format::Firebase => firebase::record(&fields, parameters.as_ref()),
                Format::Keycloak => keycloak::record(&fields),
                Format::Supabase => supabase::record(&fields),
            }
        };
        rows.visit(&mut |place, row| match format.user(row) {
            Some(user) => each(place, user.and_then(record)),
            None => Ok(()),
        })
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
