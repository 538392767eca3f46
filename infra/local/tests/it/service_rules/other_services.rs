//! Rules of Secrets Manager and SES.

use serde_json::{Value, json};

use super::{Refused, refused};

const SECRETS: &str = "docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html";
const QUOTAS: &str = "docs.aws.amazon.com/ses/latest/dg/quotas.html";
const MAIL: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html";
const CONTENT: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_Content.html";
const HEADERS: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html";
/// `SendEmail` is a path, and not the target of a header.
const SEND: &str = "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails";

pub(super) fn of_secrets_manager() -> Vec<Refused> {
    let secret = |token: usize, text: usize| {
        let (token, text) = ("x".repeat(token), "x".repeat(text));
        json!({"SecretId": "Key", "ClientRequestToken": token, "SecretString": text, "VersionStages": ["NEXT"]})
    };
    let put_secret = "secretsmanager.PutSecretValue";
    vec![
        refused("a short request token", SECRETS, put_secret, secret(31, 1), "32-64"),
        refused("a long request token", SECRETS, put_secret, secret(65, 1), "32-64"),
        refused("a secret over 64 KB", SECRETS, put_secret, secret(32, 65_537), "65536"),
    ]
}

/// A mail to one recipient, with other members of its message.
fn mail(more: Value) -> Value {
    let mut message = json!({"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}});
    if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
        message.extend(more);
    }
    let to = json!({"ToAddresses": ["ada@example.com"]});
    json!({"FromEmailAddress": "small@example.com", "Destination": to, "Content": {"Simple": message}})
}

fn mail_to(destination: &Value) -> Value {
    let mut mail = mail(json!({}));
    mail["Destination"] = destination.clone();
    mail
}

fn header(name: usize, value: usize) -> Value {
    json!({"Name": "x".repeat(name), "Value": "x".repeat(value)})
}

pub(super) fn of_ses() -> Vec<Refused> {
    let recipients = json!({"ToAddresses": ["a@b.c"], "CcAddresses": vec!["a@b.c"; 25], "BccAddresses": vec!["a@b.c"; 25]});
    let text = |text: String| json!({"Body": {"Text": {"Data": text}}});
    let large = "x".repeat(30 * 1024 * 1024);
    let attachment = json!({"FileName": "x", "RawContent": "x".repeat(40 * 1024 * 1024)});
    vec![
        refused("51 recipients", QUOTAS, SEND, mail_to(&recipients), "exceeds 50"),
        refused("a message over 40 MB", QUOTAS, SEND, mail(text(large)), "Message length"),
        refused(
            "an attachment that makes the message too large",
            QUOTAS,
            SEND,
            mail(json!({"Attachments": [attachment]})),
            "Message length",
        ),
        refused("no body", MAIL, SEND, mail(json!({"Body": {}})), "neither a text"),
        refused(
            "a local part beyond ASCII",
            MAIL,
            SEND,
            mail_to(&json!({"ToAddresses": ["ä@b.c"]})),
            "ASCII",
        ),
        refused(
            "a subject beyond ASCII without a character set",
            CONTENT,
            SEND,
            mail(json!({"Subject": {"Data": "Grüße"}})),
            "character set",
        ),
        refused(
            "a text beyond ASCII without a character set",
            CONTENT,
            SEND,
            mail(text("Grüße".to_owned())),
            "character set",
        ),
    ]
}

pub(super) fn of_headers() -> Vec<Refused> {
    let with = |headers: Value| mail(json!({"Headers": headers}));
    let named = |name: &str, value: &str| with(json!([{"Name": name, "Value": value}]));
    vec![
        refused("16 headers", HEADERS, SEND, with(json!(vec![header(1, 1); 16])), "15"),
        refused("a long name", HEADERS, SEND, with(json!([header(127, 1)])), "too long"),
        refused("a long value", HEADERS, SEND, with(json!([header(0, 996)])), "too long"),
        refused("a long name and value", HEADERS, SEND, with(json!([header(126, 871)])), "too long"),
        refused("a colon in a name", HEADERS, SEND, named("x:", "x"), "character"),
        refused("a space in a name", HEADERS, SEND, named("x y", "x"), "character"),
        refused("a line break in a value", HEADERS, SEND, named("x", "x\r\ny: z"), "character"),
        refused("a value beyond ASCII", HEADERS, SEND, named("x", "ä"), "character"),
    ]
}

/// Mails that are as large as a rule permits.
pub(super) fn within() -> Vec<(&'static str, Value)> {
    let recipients = json!({"ToAddresses": vec!["a@b.c"; 50]});
    let german = json!({"Data": "Grüße", "Charset": "UTF-8"});
    vec![
        (SEND, mail_to(&recipients)),
        (SEND, mail(json!({"Subject": german, "Body": {"Text": german, "Html": german}}))),
        (SEND, mail(json!({"Headers": vec![header(126, 870); 15]}))),
        (SEND, mail(json!({"Headers": [header(1, 995), {"Name": "List-Id", "Value": "a b: c"}]}))),
    ]
}
