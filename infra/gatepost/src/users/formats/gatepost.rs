//! Gatepost's own format, which `gatepost users export` writes and other programs can write.

use domain::{Credential, PasswordHash, Status, User};
use hashing::nothing;
use serde_json::{Map, Value, json};

use super::{
    super::record::{Deletion, Password, Record, Wrong},
    fields::Fields,
};

const FIELDS: [&str; 17] = [
    "id",
    "email",
    "email_verified",
    "first_name",
    "last_name",
    "locale",
    "attributes",
    "roles",
    "status",
    "erase_at",
    "is_final",
    "was_suspended",
    "created_at",
    "updated_at",
    "password_hash",
    "pepper_id",
    PREVIOUS,
];
const PREVIOUS: &str = "previous_passwords";

pub(super) fn has_no_unknown_field(row: &Map<String, Value>) -> bool {
    row.keys().all(|name| FIELDS.contains(&name.as_str()))
}

pub(super) fn record(fields: &Fields) -> Result<Record, Wrong> {
    if let Some(name) = fields.0.keys().find(|name| !FIELDS.contains(&name.as_str())) {
        return Err(Wrong::UnknownField(name.chars().take(40).collect()));
    }
    let (is_suspended, deletion) = status(fields)?;
    let record = Record {
        id: fields.text("id")?,
        email: fields.text("email")?,
        is_verified: fields.flag("email_verified")? == Some(true),
        locale: fields.locale("locale"),
        roles: fields.texts("roles")?,
        attributes: fields.object("attributes")?.map(|object| Value::Object(object).to_string()),
        is_suspended,
        deletion,
        created_at: fields.moment("created_at")?,
        updated_at: fields.moment("updated_at")?,
        password: password(fields)?,
        previous_passwords: previous_passwords(fields)?,
        ..Record::default()
    };
    Ok(record.named(fields.text("first_name")?, fields.text("last_name")?, None))
}

/// Returns whether the user is suspended, and the pending deletion.
fn status(fields: &Fields) -> Result<(bool, Option<Deletion>), Wrong> {
    match (fields.text("status")?.as_deref(), fields.moment("erase_at")?) {
        (None | Some("active"), None) => Ok((false, None)),
        (Some("suspended"), None) => Ok((true, None)),
        (Some("deleting"), Some(erase_at)) => {
            let [is_final, was_suspended] = ["is_final", "was_suspended"].map(|name| fields.flag(name));
            let (is_final, was_suspended) = (is_final? == Some(true), was_suspended? == Some(true));
            Ok((false, Some(Deletion { erase_at, is_final, was_suspended })))
        }
        _ => Err(Wrong::Status),
    }
}

fn password(fields: &Fields) -> Result<Password, Wrong> {
    match (fields.text("password_hash")?, fields.text("pepper_id")?) {
        (None, _) => Ok(Password::None),
        // A foreign hash that was exported unwrapped, because it was strong enough there. It may be too weak
        // here.
        (Some(text), Some(pepper_id)) if pepper_id == nothing().pepper_id && text != nothing().phc => {
            Ok(Password::Foreign(text.parse()?))
        }
        (Some(phc), Some(pepper_id)) => Ok(Password::Ours(PasswordHash { phc, pepper_id })),
        (Some(text), None) => Ok(Password::Foreign(text.parse()?)),
    }
}

/// Parses objects with a hash and the id of its pepper, as in the line of the user.
fn previous_passwords(fields: &Fields) -> Result<Vec<Password>, Wrong> {
    let one = |value: &Value| password(&Fields(value.as_object().ok_or(Wrong::Kind(PREVIOUS))?));
    match fields.value(PREVIOUS) {
        None => Ok(Vec::new()),
        Some(Value::Array(passwords)) => passwords.iter().map(one).collect(),
        Some(_) => Err(Wrong::Kind(PREVIOUS)),
    }
}

/// Returns a user's line in an export. Sessions, links, pictures and the history are not part of it.
pub(crate) fn written(user: &User, credential: Option<&Credential>) -> Value {
    // Destructured by name, so that each new field needs a decision here.
    let User {
        id,
        version: _,
        epoch: _,
        credential_version: _,
        status,
        email,
        first_name,
        last_name,
        locale,
        attributes,
        roles,
        // `gatepost data copy` copies the picture, which is an item of its own.
        picture: _,
        invited_at,
        has_password: _,
        created_at,
        updated_at,
    } = user;
    let (erase_at, is_final, was_suspended) = match status {
        Status::Deleting { erase_at, is_final, was_suspended } => {
            (Some(erase_at), is_final.then_some(true), was_suspended.then_some(true))
        }
        Status::Active | Status::Suspended => (None, None, None),
    };
    let mut line = json!({
        "id": id,
        "email": email,
        // The user of a pending invitation has not proven the address.
        "email_verified": invited_at.is_none(),
        "first_name": first_name,
        "last_name": last_name,
        "locale": locale,
        "attributes": (!attributes.is_empty()).then_some(attributes),
        "roles": roles,
        "status": status,
        "erase_at": erase_at,
        "is_final": is_final,
        "was_suspended": was_suspended,
        "created_at": created_at,
        "updated_at": updated_at,
    });
    if let Some(credential) = credential {
        let PasswordHash { phc, pepper_id } = &credential.password_hash;
        line["password_hash"] = phc.as_str().into();
        line["pepper_id"] = pepper_id.as_str().into();
        let previous = &credential.previous_hashes;
        line[PREVIOUS] = (!previous.is_empty()).then(|| previous.iter().map(hash).collect::<Value>()).into();
    }
    if let Value::Object(fields) = &mut line {
        fields.retain(|_, value| !value.is_null());
    }
    line
}

fn hash(PasswordHash { phc, pepper_id }: &PasswordHash) -> Value {
    json!({"password_hash": phc, "pepper_id": pepper_id})
}
