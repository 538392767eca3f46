//! Rules of `SendEmail`: `docs.aws.amazon.com/ses/latest/dg/quotas.html` and the pages of its types in
//! `docs.aws.amazon.com/ses/latest/APIReference-V2`.

use serde_json::Value;

const MAX_RECIPIENTS: usize = 50;
/// `API_MessageHeader.html`
const MAX_HEADERS: usize = 15;
const MAX_HEADER_NAME: usize = 126;
const MAX_HEADER_VALUE: usize = 870;

pub(super) fn violation(request: &Value) -> Option<String> {
    let fields = ["ToAddresses", "CcAddresses", "BccAddresses"].map(|field| &request["Destination"][field]);
    let recipients: Vec<_> = fields.into_iter().filter_map(Value::as_array).flatten().collect();
    if recipients.len() > MAX_RECIPIENTS {
        return Some(format!("Recipient count exceeds {MAX_RECIPIENTS}."));
    }
    let senders = [&request["FromEmailAddress"]].into_iter();
    let mut addresses = senders.chain(recipients).filter_map(Value::as_str);
    if addresses.any(|address| !has_ascii_local_part(address)) {
        return Some("Local address contains control or whitespace, or is not ASCII.".to_owned());
    }
    let message = &request["Content"]["Simple"];
    let has_body = ["Text", "Html"].iter().any(|kind| message["Body"][kind]["Data"].is_string());
    if !has_body {
        return Some("The message has neither a text nor an HTML body.".to_owned());
    }
    let headers = message["Headers"].as_array().map_or(&[][..], Vec::as_slice);
    if headers.len() > MAX_HEADERS {
        return Some(format!("A message has at most {MAX_HEADERS} headers."));
    }
    let length = |header: &Value, field: &str| header[field].as_str().map_or(0, str::len);
    let is_too_long = |header: &Value| {
        length(header, "Name") > MAX_HEADER_NAME || length(header, "Value") > MAX_HEADER_VALUE
    };
    headers.iter().any(is_too_long).then(|| "A header is too long.".to_owned())
}

/// `API_SendEmail.html`: "the local part of an email address … may only contain 7-bit ASCII characters".
fn has_ascii_local_part(address: &str) -> bool {
    let address = address.rsplit_once('<').map_or(address, |(_, address)| address.trim_end_matches('>'));
    let local_part = address.rsplit_once('@').map_or(address, |(local_part, _)| local_part);
    local_part.bytes().all(|byte| byte.is_ascii_graphic())
}
