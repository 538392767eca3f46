//! Amazon Cognito: the CSV of its import, and the output of `aws cognito-idp list-users`. Cognito does not
//! export password hashes.

use serde_json::{Map, Value};

use super::{
    super::record::{Record, Wrong},
    fields::Fields,
    rows::Row,
};

/// Moves the attributes of `"Attributes": [{"Name": …, "Value": …}]` to the other fields of a user.
pub(super) fn user(mut row: Map<String, Value>) -> Row {
    const LIST: &str = "Attributes";
    match row.remove(LIST) {
        None | Some(Value::Null) => {}
        Some(Value::Array(list)) => {
            for entry in list {
                let name = entry["Name"].as_str().ok_or(Wrong::Kind(LIST))?.to_owned();
                row.insert(name, entry["Value"].clone());
            }
        }
        Some(_) => return Err(Wrong::Kind(LIST)),
    }
    Ok(row)
}

pub(super) fn record(fields: &Fields) -> Result<Record, Wrong> {
    let username = fields.text("cognito:username")?.or(fields.text("Username")?);
    let record = Record {
        id: fields.text("sub")?.or(username),
        email: fields.text("email")?,
        is_verified: fields.flag("email_verified")? == Some(true),
        locale: fields.locale("locale"),
        is_suspended: fields.flag("Enabled")? == Some(false) || is_closed(fields)?,
        created_at: fields.moment("UserCreateDate")?,
        updated_at: fields.moment("UserLastModifiedDate")?.or(fields.moment("updated_at")?),
        ..Record::default()
    };
    Ok(record.named(fields.text("given_name")?, fields.text("family_name")?, fields.text("name")?))
}

/// Returns whether Cognito has closed the account. The other statuses concern its own passwords and
/// verifications.
fn is_closed(fields: &Fields) -> Result<bool, Wrong> {
    match fields.text("UserStatus")?.as_deref() {
        Some("ARCHIVED" | "COMPROMISED") => Ok(true),
        None
        | Some(
            "CONFIRMED"
            | "UNCONFIRMED"
            | "EXTERNAL_PROVIDER"
            | "RESET_REQUIRED"
            | "FORCE_CHANGE_PASSWORD"
            | "UNKNOWN",
        ) => Ok(false),
        Some(_) => Err(Wrong::UnknownStatus("UserStatus")),
    }
}
