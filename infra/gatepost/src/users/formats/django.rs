//! Django: `dumpdata` with a user model that has an address, and CSV of its table.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    super::record::{Password, Record, Wrong},
    fields::Fields,
    rows::Row,
    stable_file::{Digest, digest_of},
};

/// Moves the key of a user to the other fields; `None` for a row of another model.
pub(super) fn user(row: Row) -> Option<Row> {
    let mut row = match row {
        Ok(row) => row,
        wrong => return Some(wrong),
    };
    let Some(Value::Object(mut fields)) = row.remove("fields") else {
        // In CSV, all fields are on one level.
        return Some(Ok(row));
    };
    let key = row.remove("pk").unwrap_or_default();
    fields.insert("id".to_owned(), key);
    (fields.contains_key("password") && fields.contains_key("email")).then_some(Ok(fields))
}

/// Returns the digest of an address that `django-allauth` has verified. It has a model of its own for
/// addresses.
pub(super) fn verified(row: &Map<String, Value>) -> Option<Digest> {
    let fields = row.get("fields")?.as_object()?;
    let is_address = row.get("model")? == "account.emailaddress";
    let is_verified = is_address && Fields(fields).flag("verified") == Ok(Some(true));
    let email = Fields(fields).text("email").ok()?.filter(|_| is_verified)?;
    Some(digest_of(email.to_lowercase().as_bytes()))
}

pub(super) fn record(fields: &Fields, verified: &HashSet<Digest>) -> Result<Record, Wrong> {
    let email = fields.text("email")?;
    let is_known = |email: &String| verified.contains(&digest_of(email.to_lowercase().as_bytes()));
    let record = Record {
        id: fields.text("id")?,
        is_verified: email.as_ref().is_some_and(is_known) || fields.flag("email_verified")? == Some(true),
        roles: groups(fields),
        is_suspended: fields.flag("is_active")? == Some(false),
        created_at: fields.moment("date_joined")?,
        password: password(fields)?,
        email,
        ..Record::default()
    };
    Ok(record.named(fields.text("first_name")?, fields.text("last_name")?, None))
}

/// Returns the names of groups in the output of `dumpdata --natural-foreign`. Numbers would be meaningless
/// here.
fn groups(fields: &Fields) -> Vec<String> {
    let groups = fields.value("groups").and_then(Value::as_array).into_iter().flatten();
    groups.filter_map(|group| Some(group.as_array()?.first()?.as_str()?.to_owned())).collect()
}

fn password(fields: &Fields) -> Result<Password, Wrong> {
    // `set_unusable_password` writes an exclamation mark and random letters.
    match fields.text("password")?.filter(|text| !text.starts_with('!')) {
        Some(text) => Ok(Password::Foreign(text.parse()?)),
        None => Ok(Password::None),
    }
}
