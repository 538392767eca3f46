//! Auth0: the lines of its export with password hashes, and those of its bulk import.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD_NO_PAD},
};
use hashing::ForeignHash;
use serde_json::{Map, Value};

use super::{
    super::record::{Password, Record, Wrong},
    fields::Fields,
};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

pub(super) fn record(fields: &Fields) -> Result<Record, Wrong> {
    let (email, is_verified) = address(fields)?;
    let record = Record {
        id: fields.text("user_id")?.or(fields.text("_id")?),
        email,
        is_verified,
        locale: fields.locale("locale"),
        is_suspended: fields.flag("blocked")? == Some(true),
        created_at: fields.moment("created_at")?,
        updated_at: fields.moment("updated_at")?,
        password: password(fields)?,
        ..Record::default()
    };
    Ok(record.named(fields.text("given_name")?, fields.text("family_name")?, fields.text("name")?))
}

/// Returns the address and whether it is verified. Some users have it only among `identifiers`.
fn address(fields: &Fields) -> Result<(Option<String>, bool), Wrong> {
    let list = fields.value("identifiers").and_then(Value::as_array).into_iter().flatten();
    let mut addresses = list
        .filter_map(Value::as_object)
        .filter(|entry| entry.get("type").is_some_and(|kind| kind == "email"));
    let nested = addresses.next().filter(|_| fields.value("email").is_none());
    let (source, email, verified) = match nested {
        Some(entry) => (&Fields(entry), "value", "verified"),
        None => (fields, "email", "email_verified"),
    };
    Ok((source.text(email)?, source.flag(verified)? == Some(true)))
}

fn password(fields: &Fields) -> Result<Password, Wrong> {
    if let Some(custom) = fields.object("custom_password_hash")? {
        return custom_hash(&custom).map(Password::Foreign);
    }
    let bcrypt = fields.text("passwordHash")?.or(fields.text("password_hash")?);
    bcrypt.map_or(Ok(Password::None), |text| Ok(Password::Foreign(text.parse()?)))
}

/// Parses `custom_password_hash`, by the schema of Auth0's bulk import.
fn custom_hash(custom: &Map<String, Value>) -> Result<ForeignHash, Wrong> {
    const HASH: &str = "custom_password_hash";
    let part = |name: &'static str| Fields(custom).object(name);
    let hash = part("hash")?.ok_or(Wrong::Kind(HASH))?;
    let algorithm = Fields(custom).text("algorithm")?.unwrap_or_default();
    let in_utf8 =
        |encoding: String| encoding.replace('-', "").eq_ignore_ascii_case("utf8") || encoding == "ascii";
    let password = part("password")?.unwrap_or_default();
    if !Fields(&password).text("encoding")?.is_none_or(in_utf8) {
        return Err(Wrong::HashEncoding);
    }
    let salt = part("salt")?;
    let octets_of =
        |part: Option<&Map<String, Value>>| part.map_or(Ok(Vec::new()), |part| octets(part, "utf8"));
    let written = match algorithm.as_str() {
        "bcrypt" | "ldap" | "argon2" | "pbkdf2" => Fields(&hash).text("value")?.unwrap_or_default(),
        "md5" | "sha1" | "sha256" | "sha512" => {
            let is_suffix = |salt: &Map<String, Value>| salt.get("position").is_some_and(|at| at == "suffix");
            let position = if salt.as_ref().is_some_and(is_suffix) { "suffix" } else { "prefix" };
            let (salt, digest) = (octets_of(salt.as_ref())?, octets(&hash, "hex")?);
            phc(&format!("{algorithm}-{position}$i=1"), &salt, &digest)
        }
        "hmac" if salt.is_none() => {
            let digest = Fields(&hash).text("digest")?.unwrap_or_default();
            let key = Fields(&hash).object("key")?;
            phc(&format!("hmac-{digest}"), &octets_of(key.as_ref())?, &octets(&hash, "hex")?)
        }
        "scrypt" => {
            let number = |name, default: u64| {
                Fields(custom)
                    .text(name)?
                    .map_or(Some(default), |text| text.parse().ok())
                    .ok_or(Wrong::Kind(HASH))
            };
            let (cost, r, p) =
                (number("cost", 16_384)?, number("blockSize", 8)?, number("parallelization", 1)?);
            let ln = cost.checked_ilog2().filter(|ln| 1 << ln == cost).ok_or(Wrong::Kind(HASH))?;
            let (salt, digest) = (octets_of(salt.as_ref())?, octets(&hash, "base64")?);
            phc(&format!("scrypt$ln={ln},r={r},p={p}"), &salt, &digest)
        }
        _ => return Err(hashing::InvalidForeignHash::UnknownKind.into()),
    };
    Ok(written.parse()?)
}

fn phc(kind: &str, salt: &[u8], digest: &[u8]) -> String {
    format!("${kind}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(digest))
}

/// Decodes `{"value": …, "encoding": …}`.
fn octets(part: &Map<String, Value>, default: &str) -> Result<Vec<u8>, Wrong> {
    // Not trimmed, because every byte counts.
    let value = part.get("value").and_then(Value::as_str).ok_or(Wrong::Kind("custom_password_hash"))?;
    let encoding = Fields(part).text("encoding")?.unwrap_or_else(|| default.to_owned());
    match encoding.to_lowercase().as_str() {
        "base64" => BASE64.decode(value).map_err(|_| Wrong::HashEncoding),
        "hex" => hexadecimal(value).ok_or(Wrong::HashEncoding),
        "utf8" | "utf-8" | "ascii" => Ok(value.into()),
        _ => Err(Wrong::HashEncoding),
    }
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
