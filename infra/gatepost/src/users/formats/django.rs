//! Django: `dumpdata` with a user model that has an address, and CSV of its table.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{
    super::record::{Password, Record, Wrong},
    fields::Fields,
    rows::{Row, Rows},
};

/// Of a dump the users, each with its key among its fields, and the addresses that are proven:
/// `django-allauth` keeps those in a model of its own.
pub(super) fn users(rows: Rows) -> (Rows, HashSet<String>) {
    let verified = verified(&rows);
    (rows.into_iter().filter_map(|(place, row)| Some((place, user(row)?))).collect(), verified)
}

fn user(row: Row) -> Option<Row> {
    let mut row = match row {
        Ok(row) => row,
        wrong => return Some(wrong),
    };
    let Some(Value::Object(mut fields)) = row.remove("fields") else {
        // CSV has its fields beside each other.
        return Some(Ok(row));
    };
    let key = row.remove("pk").unwrap_or_default();
    fields.insert("id".to_owned(), key);
    (fields.contains_key("password") && fields.contains_key("email")).then_some(Ok(fields))
}

fn verified(rows: &Rows) -> HashSet<String> {
    let address = |row: &Map<String, Value>| {
        let fields = row.get("fields")?.as_object()?;
        let is_address = row.get("model")? == "account.emailaddress";
        let is_proven = is_address && Fields(fields).flag("verified") == Ok(Some(true));
        Fields(fields).text("email").ok()?.filter(|_| is_proven).map(|email| email.to_lowercase())
    };
    rows.iter().filter_map(|(_, row)| address(row.as_ref().ok()?)).collect()
}

pub(super) fn record(fields: &Fields, verified: &HashSet<String>) -> Result<Record, Wrong> {
    let email = fields.text("email")?;
    let is_proven = email.as_ref().is_some_and(|email| verified.contains(&email.to_lowercase()));
    let record = Record {
        id: fields.text("id")?,
        is_verified: is_proven || fields.flag("email_verified")? == Some(true),
        roles: groups(fields),
        is_suspended: fields.flag("is_active")? == Some(false),
        created_at: fields.moment("date_joined")?,
        password: password(fields)?,
        email,
        ..Record::default()
    };
    Ok(record.named(fields.text("first_name")?, fields.text("last_name")?, None))
}

/// The names of groups, as `dumpdata --natural-foreign` has them; numbers would say nothing here.
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
