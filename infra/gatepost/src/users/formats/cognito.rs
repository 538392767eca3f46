//! Amazon Cognito: the CSV of its own import, and what `aws cognito-idp list-users` writes. It hands out
//! no password hashes.

use serde_json::{Map, Value};

use super::{
    super::record::{Record, Wrong},
    fields::Fields,
};

pub(super) fn record(fields: &Fields) -> Result<Record, Wrong> {
    let attributes = attributes(fields);
    let attributes = attributes.as_ref().map_or(Fields(fields.0), Fields);
    let username = fields.text("cognito:username").or(fields.text("Username"));
    let record = Record {
        id: attributes.text("sub").or(username),
        email: attributes.text("email"),
        is_verified: attributes.flag("email_verified"),
        locale: attributes.text("locale"),
        is_suspended: fields.value("Enabled").is_some() && !fields.flag("Enabled"),
        created_at: fields.moment("UserCreateDate")?,
        updated_at: fields.moment("UserLastModifiedDate")?.or(fields.moment("updated_at")?),
        ..Record::default()
    };
    Ok(record.named(attributes.text("given_name"), attributes.text("family_name"), attributes.text("name")))
}

/// `[{"Name": …, "Value": …}]` as an object.
fn attributes(fields: &Fields) -> Option<Map<String, Value>> {
    let list = fields.value("Attributes")?.as_array()?;
    let pair = |entry: &Value| Some((entry["Name"].as_str()?.to_owned(), entry["Value"].clone()));
    Some(list.iter().filter_map(pair).collect())
}
