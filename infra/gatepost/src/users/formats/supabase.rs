//! Supabase: the table `auth.users`, as CSV or JSON.

use super::{
    super::record::{Password, Record, Wrong},
    fields::Fields,
};

pub(super) fn record(fields: &Fields) -> Result<Record, Wrong> {
    let more = fields.object("raw_user_meta_data")?.unwrap_or_default();
    let more = Fields(&more);
    let record = Record {
        id: fields.text("id")?,
        email: fields.text("email")?,
        is_verified: fields.moment("email_confirmed_at")?.is_some(),
        locale: more.locale("locale"),
        // Bans end, often after a hundred years. An administrator can end them here.
        is_suspended: fields.moment("banned_until")?.is_some(),
        is_deleted: fields.moment("deleted_at")?.is_some(),
        created_at: fields.moment("created_at")?,
        updated_at: fields.moment("updated_at")?,
        password: password(fields)?,
        ..Record::default()
    };
    let whole = more.text("full_name")?.or(more.text("name")?);
    Ok(record.named(more.text("first_name")?, more.text("last_name")?, whole))
}

fn password(fields: &Fields) -> Result<Password, Wrong> {
    match fields.text("encrypted_password")? {
        Some(text) => Ok(Password::Foreign(text.parse()?)),
        None => Ok(Password::None),
    }
}
