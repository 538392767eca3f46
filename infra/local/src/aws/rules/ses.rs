//! Rules of `SendEmail`: `docs.aws.amazon.com/ses/latest/dg/quotas.html` and the pages of its types in
//! `docs.aws.amazon.com/ses/latest/APIReference-V2`.

use serde_json::Value;

const MAX_RECIPIENTS: usize = 50;
/// "40 MB per message (after base64 encoding)", attachments included.
const MAX_MESSAGE_BYTES: usize = 40 * 1024 * 1024;
/// `API_Message.html`
const MAX_HEADERS: usize = 15;
/// `API_MessageHeader.html`
const MAX_HEADER_NAME: usize = 126;
const MAX_HEADER_VALUE: usize = 995;
const MAX_HEADER: usize = 996;

pub(super) fn violation(request: &Value) -> Option<String> {
    let message = &request["Content"]["Simple"];
    of_addresses(request).or_else(|| of_content(message)).or_else(|| of_headers(&message["Headers"]))
}

fn of_addresses(request: &Value) -> Option<String> {
    let fields = ["ToAddresses", "CcAddresses", "BccAddresses"].map(|field| &request["Destination"][field]);
    let recipients: Vec<_> = fields.into_iter().filter_map(Value::as_array).flatten().collect();
    if recipients.len() > MAX_RECIPIENTS {
        return Some(format!("Recipient count exceeds {MAX_RECIPIENTS}."));
    }
    let senders = [&request["FromEmailAddress"]].into_iter();
    let mut addresses = senders.chain(recipients).filter_map(Value::as_str);
    addresses
        .any(|address| !has_ascii_local_part(address))
        .then(|| "Local address contains control or whitespace, or is not ASCII.".to_owned())
}

/// `API_SendEmail.html`: "the local part of an email address … may only contain 7-bit ASCII characters".
fn has_ascii_local_part(address: &str) -> bool {
    let address = address.rsplit_once('<').map_or(address, |(_, address)| address.trim_end_matches('>'));
    let local_part = address.rsplit_once('@').map_or(address, |(local_part, _)| local_part);
    local_part.bytes().all(|byte| byte.is_ascii_graphic())
}

fn of_content(message: &Value) -> Option<String> {
    let bodies = ["Text", "Html"].map(|kind| &message["Body"][kind]);
    if !bodies.iter().any(|body| body["Data"].is_string()) {
        return Some("The message has neither a text nor an HTML body.".to_owned());
    }
    let [text, html] = bodies;
    let contents = [&message["Subject"], text, html].into_iter();
    if contents.clone().any(lacks_charset) {
        return Some("A text beyond ASCII has no character set.".to_owned());
    }
    let attachments = message["Attachments"].as_array().into_iter().flatten();
    let contents: usize = contents.map(|content| base64_length(length(content, "Data"))).sum();
    let attached: usize = attachments.map(|attachment| length(attachment, "RawContent")).sum();
    (contents + attached > MAX_MESSAGE_BYTES)
        .then(|| format!("Message length exceeds {MAX_MESSAGE_BYTES} bytes."))
}

/// `API_Content.html`: "If the text includes characters outside of the ASCII range, you have to specify a character
/// set."
fn lacks_charset(content: &Value) -> bool {
    let is_ascii = content["Data"].as_str().is_none_or(str::is_ascii);
    !is_ascii && !content["Charset"].is_string()
}

fn of_headers(headers: &Value) -> Option<String> {
    let headers = headers.as_array().map_or(&[][..], Vec::as_slice);
    if headers.len() > MAX_HEADERS {
        return Some(format!("A message has at most {MAX_HEADERS} headers."));
    }
    headers.iter().find_map(|header| {
        let (name, value) = (length(header, "Name"), length(header, "Value"));
        if name > MAX_HEADER_NAME || value > MAX_HEADER_VALUE || name + value > MAX_HEADER {
            return Some("A header is too long.".to_owned());
        }
        let has_only = |field: &str, permitted: fn(u8) -> bool| {
            header[field].as_str().is_none_or(|text| text.bytes().all(permitted))
        };
        let is_printable = has_only("Name", |byte| byte.is_ascii_graphic() && byte != b':')
            && has_only("Value", |byte| byte.is_ascii_graphic() || byte == b' ');
        (!is_printable).then(|| "A header has a character that it must not have.".to_owned())
    })
}

fn length(of: &Value, field: &str) -> usize {
    of[field].as_str().map_or(0, str::len)
}

const fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}
