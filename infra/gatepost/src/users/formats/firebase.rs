//! Firebase: the JSON of `firebase auth:export` and of the Admin SDK's `listUsers`, with the hash parameters
//! of the project.

use base64::{Engine, engine::general_purpose::STANDARD};
use hashing::ForeignHash;

use super::{
    super::record::{Password, Record, Wrong},
    fields::Fields,
};

/// The `hash_config { … }` in Firebase's console.
pub(crate) struct HashParameters {
    signer_key: Vec<u8>,
    salt_separator: Vec<u8>,
    rounds: u32,
    memory_cost: u32,
}

impl HashParameters {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix(':'))?;
            Some(line.trim().trim_end_matches(',').trim_matches('"').to_owned())
        };
        value("algorithm").filter(|algorithm| algorithm == "SCRYPT")?;
        Some(Self {
            signer_key: octets(&value("base64_signer_key")?)?,
            salt_separator: octets(&value("base64_salt_separator")?)?,
            rounds: value("rounds")?.parse().ok()?,
            memory_cost: value("mem_cost")?.parse().ok()?,
        })
    }
}

pub(super) fn record(fields: &Fields, parameters: Option<&HashParameters>) -> Result<Record, Wrong> {
    let metadata = fields.object("metadata")?.unwrap_or_default();
    let record = Record {
        id: fields.text("localId")?.or(fields.text("uid")?),
        email: fields.text("email")?,
        is_verified: fields.flag("emailVerified")? == Some(true),
        is_suspended: fields.flag("disabled")? == Some(true),
        created_at: fields.moment("createdAt")?.or(Fields(&metadata).moment("creationTime")?),
        password: password(fields, parameters)?,
        ..Record::default()
    };
    Ok(record.named(None, None, fields.text("displayName")?))
}

fn password(fields: &Fields, parameters: Option<&HashParameters>) -> Result<Password, Wrong> {
    let (Some(hash), Some(parameters)) = (fields.text("passwordHash")?, parameters) else {
        return Ok(Password::None);
    };
    let salt = fields.text("salt")?.or(fields.text("passwordSalt")?).unwrap_or_default();
    let salt = octets(&salt).ok_or(Wrong::HashEncoding)?;
    let hash = ForeignHash::firebase(
        (&parameters.signer_key, &parameters.salt_separator),
        (parameters.rounds, parameters.memory_cost),
        &salt,
        &octets(&hash).ok_or(Wrong::HashEncoding)?,
    )?;
    Ok(Password::Foreign(hash))
}

/// Decodes base64, also with the alphabet of URLs.
fn octets(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.replace('-', "+").replace('_', "/")).ok()
}
