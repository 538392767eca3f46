//! The records of a file, and their validation.

use domain::{
    Applicant, Attributes, Email, InvalidAttribute, InvalidEmail, InvalidLocale, InvalidName, Locale, Name,
    Newcomer, PasswordHash, Role, Status, Timestamp, UserId,
};
use hashing::{ForeignHash, InvalidForeignHash};
use thiserror::Error;

const MAX_ROLES: usize = 50;
/// The highest value of `PasswordHistory`.
const MAX_PREVIOUS_PASSWORDS: usize = 24;
const MAX_ROLE_CHARACTERS: usize = 64;

/// The record of a user in a file, in its original form.
#[derive(Default)]
pub(crate) struct Record {
    /// The id in the other system, which is kept if it is a UUID.
    pub(crate) id: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) is_verified: bool,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) roles: Vec<String>,
    /// A JSON object; only in Gatepost's own format.
    pub(crate) attributes: Option<String>,
    pub(crate) is_suspended: bool,
    /// The pending deletion; only in Gatepost's own format.
    pub(crate) deletion: Option<Deletion>,
    pub(crate) is_deleted: bool,
    pub(crate) created_at: Option<Timestamp>,
    pub(crate) updated_at: Option<Timestamp>,
    pub(crate) password: Password,
    /// The previous passwords, newest first; only in Gatepost's own format.
    pub(crate) previous_passwords: Vec<Password>,
}

/// The password of a record.
#[derive(Clone, Default)]
pub(crate) enum Password {
    /// None: the user must choose a password with a link first.
    #[default]
    None,
    Foreign(ForeignHash),
    /// A hash of Gatepost, from an export.
    Ours(PasswordHash),
}

/// A user who can be imported.
pub(crate) struct Candidate {
    pub(crate) newcomer: Newcomer,
    pub(crate) password: Password,
    pub(crate) previous_passwords: Vec<Password>,
    /// Whether the user was an administrator there, which does not make one here.
    pub(crate) was_administrator: bool,
    /// The reason why the locale is left out, if it is.
    pub(crate) invalid_locale: Option<InvalidLocale>,
}

/// The treatment of users with an unverified address.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Unverified {
    Refuse,
    Skip,
    Accept,
}

/// The defect of a record. The message does not contain its data.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Wrong {
    #[error("is not a JSON object")]
    NoObject,
    #[error("has another number of columns than the header")]
    Columns,
    #[error("has an unknown field: {0}")]
    UnknownField(String),
    #[error("{0} has the wrong type")]
    Kind(&'static str),
    #[error("has no e-mail address")]
    NoEmail,
    #[error("the e-mail address {0}")]
    Email(#[from] InvalidEmail),
    #[error("the address is not verified: see --unverified")]
    Unverified,
    #[error("the {0} name {1}")]
    Name(&'static str, InvalidName),
    #[error("{0} is not a time")]
    Time(&'static str),
    #[error("{0} is neither true nor false")]
    Flag(&'static str),
    #[error("{0} is not a status of that system")]
    UnknownStatus(&'static str),
    #[error("the status must be active, suspended, or deleting with erase_at")]
    Status,
    #[error("attributes: {0}")]
    Attributes(#[from] InvalidAttribute),
    #[error("has more than 50 roles, or one that is empty or longer than 64 characters")]
    Roles,
    #[error("the password hash {0}")]
    Hash(#[from] InvalidForeignHash),
    #[error("the password hash has parts in an unknown encoding")]
    HashEncoding,
    #[error("the password hash is not one that Gatepost writes")]
    NotOurs,
    #[error("has more than 24 previous passwords")]
    Passwords,
    #[error("has the same address or id as {0}")]
    Repeated(String),
}

/// The pending deletion of a user.
pub(crate) struct Deletion {
    pub(crate) erase_at: Timestamp,
    /// Whether logging in does not cancel the deletion.
    pub(crate) is_final: bool,
    /// Whether canceling the deletion restores a suspension.
    pub(crate) was_suspended: bool,
}

impl Record {
    /// Validates a record. Returns `None` for a user who is left out. `now` replaces missing times.
    pub(crate) fn judge(
        self,
        source: &str,
        unverified: Unverified,
        now: Timestamp,
    ) -> Result<Option<Candidate>, Wrong> {
        if self.is_deleted || !self.is_verified && unverified == Unverified::Skip {
            return Ok(None);
        }
        let email = Email::parse(self.email.as_deref().ok_or(Wrong::NoEmail)?)?;
        if !self.is_verified && unverified == Unverified::Refuse {
            return Err(Wrong::Unverified);
        }
        let id = self.user_id(source, &email);
        let name = |what, text: Option<String>| {
            text.map(|text| Name::parse(&text).map_err(|wrong| Wrong::Name(what, wrong))).transpose()
        };
        let locale = self.locale.map(|text| Locale::parse(&text.replace('_', "-"))).transpose();
        // The locale is not important enough to stop the import.
        let (locale, invalid_locale) = locale.map_or_else(|invalid| (None, Some(invalid)), |tag| (tag, None));
        let is_role = |role: &String| (1..=MAX_ROLE_CHARACTERS).contains(&role.chars().count());
        if self.roles.len() > MAX_ROLES || !self.roles.iter().all(is_role) {
            return Err(Wrong::Roles);
        }
        if self.previous_passwords.len() > MAX_PREVIOUS_PASSWORDS {
            return Err(Wrong::Passwords);
        }
        // A file cannot create administrators.
        let was_administrator = self.roles.iter().any(|role| role == Role::ADMIN);
        let applicant = Applicant {
            email,
            first_name: name("first", self.first_name)?,
            last_name: name("last", self.last_name)?,
            locale,
        };
        let status = match self.deletion {
            Some(Deletion { erase_at, is_final, was_suspended }) => {
                Status::Deleting { erase_at, is_final, was_suspended }
            }
            None if self.is_suspended => Status::Suspended,
            None => Status::Active,
        };
        let attributes = self.attributes.as_deref().map(Attributes::brought).transpose()?;
        let newcomer = Newcomer {
            id,
            applicant,
            attributes: attributes.unwrap_or_default(),
            status,
            roles: self.roles.into_iter().filter(|role| role != Role::ADMIN).collect(),
            created_at: self.created_at.unwrap_or(now),
            updated_at: self.updated_at.unwrap_or(now),
        };
        let Self { password, previous_passwords, .. } = self;
        Ok(Some(Candidate { newcomer, password, previous_passwords, was_administrator, invalid_locale }))
    }

    /// Returns the id of the record if it is a UUID, otherwise an id derived from it, which is always the
    /// same.
    fn user_id(&self, source: &str, email: &Email) -> UserId {
        let theirs = self.id.as_deref().unwrap_or_default();
        theirs.parse().unwrap_or_else(|_| {
            let created_at = self.created_at.unwrap_or(Timestamp::from_millis(0));
            UserId::of_origin(created_at, &format!("{source} {theirs} {}", email.canonical()))
        })
    }
}
