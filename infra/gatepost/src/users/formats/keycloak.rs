//! Keycloak: the users of a realm, as `kc.sh export` writes them.

use serde_json::Value;

use super::{
    super::record::{Password, Record, Wrong},
    fields::Fields,
};

/// Roles that all users of a realm have.
const EVERYBODYS: [&str; 3] = ["offline_access", "uma_authorization", "default-roles-"];

pub(super) fn record(fields: &Fields) -> Result<Record, Wrong> {
    // Attributes are lists, of which the first value is used.
    let mut attributes = fields.object("attributes")?.unwrap_or_default();
    if let Some(Value::Array(list)) = attributes.get_mut("locale") {
        let first = list.first().cloned();
        attributes.insert("locale".to_owned(), first.unwrap_or_default());
    }
    let is_own = |role: &String| !EVERYBODYS.iter().any(|common| role.starts_with(common));
    let record = Record {
        id: fields.text("id")?,
        email: fields.text("email")?,
        is_verified: fields.flag("emailVerified")? == Some(true),
        locale: Fields(&attributes).locale("locale"),
        roles: fields.texts("realmRoles")?.into_iter().filter(is_own).collect(),
        is_suspended: fields.flag("enabled")? == Some(false),
        created_at: fields.moment("createdTimestamp")?,
        password: password(fields)?,
        ..Record::default()
    };
    Ok(record.named(fields.text("firstName")?, fields.text("lastName")?, None))
}

fn password(fields: &Fields) -> Result<Password, Wrong> {
    let credentials = fields.value("credentials").and_then(Value::as_array).into_iter().flatten();
    let Some(credential) = credentials.into_iter().find(|credential| credential["type"] == "password") else {
        return Ok(Password::None);
    };
    // Both fields are JSON in a text.
    let inner = |name: &str| -> Option<Value> { serde_json::from_str(credential[name].as_str()?).ok() };
    let (secret, how) = inner("secretData").zip(inner("credentialData")).ok_or(Wrong::Kind("credentials"))?;
    Ok(Password::Foreign(phc(&secret, &how).ok_or(Wrong::Kind("credentials"))?.parse()?))
}

fn phc(secret: &Value, how: &Value) -> Option<String> {
    let (salt, hash) = (secret["salt"].as_str()?, secret["value"].as_str()?);
    let iterations = how["hashIterations"].as_u64()?;
    let more = |name: &str| how["additionalParameters"][name][0].as_str();
    match how["algorithm"].as_str()? {
        "argon2" => {
            let version = if more("version") == Some("1.0") { 16 } else { 19 };
            let (kind, memory, lanes) = (more("type")?, more("memory")?, more("parallelism")?);
            Some(format!("$argon2{kind}$v={version}$m={memory},t={iterations},p={lanes}${salt}${hash}"))
        }
        "pbkdf2" => Some(format!("$pbkdf2-sha1$i={iterations}${salt}${hash}")),
        algorithm => Some(format!("${algorithm}$i={iterations}${salt}${hash}")),
    }
}
