//! `docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html`

use serde_json::Value;

const MAX_SECRET_BYTES: usize = 65_536;
const TOKEN_LENGTHS: std::ops::RangeInclusive<usize> = 32..=64;

pub(super) fn violation(operation: &str, request: &Value) -> Option<String> {
    if operation != "PutSecretValue" {
        return None;
    }
    let length = |field: &str| request[field].as_str().map(str::len);
    if length("ClientRequestToken").is_some_and(|length| !TOKEN_LENGTHS.contains(&length)) {
        return Some("ClientRequestToken must be 32-64 characters long.".to_owned());
    }
    let is_too_long = length("SecretString").is_some_and(|length| length > MAX_SECRET_BYTES);
    is_too_long.then(|| format!("SecretString is longer than {MAX_SECRET_BYTES} bytes."))
}
