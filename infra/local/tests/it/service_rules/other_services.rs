//! Rules of Secrets Manager and SES.

use serde_json::{Value, json};

use super::{Refused, refused};

const SECRETS: &str = "docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html";
const MAIL: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html";
const HEADERS: &str = "docs.aws.amazon.com/ses/latest/APIReference-V2/API_MessageHeader.html";
/// `SendEmail` is no target of a header, but a path.
const SEND: &str = "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails";

pub(super) fn rules() -> Vec<Refused> {
    let secret = |token: usize, text: usize| {
        let (token, text) = ("x".repeat(token), "x".repeat(text));
        json!({"SecretId": "Key", "ClientRequestToken": token, "SecretString": text, "VersionStages": ["NEXT"]})
    };
    let mail = |to: Value, body: Value, headers: Value| {
        let message = json!({"Subject": {"Data": "x"}, "Body": body, "Headers": headers});
        let from = "small@example.com";
        json!({"FromEmailAddress": from, "Destination": {"ToAddresses": to}, "Content": {"Simple": message}})
    };
    let (one, text) = (json!(["ada@example.com"]), json!({"Text": {"Data": "x"}}));
    let header = |name: usize, value: usize| json!({"Name": "x".repeat(name), "Value": "x".repeat(value)});
    let put_secret = "secretsmanager.PutSecretValue";
    vec![
        refused("a short request token", SECRETS, put_secret, secret(31, 1), "32-64"),
        refused("a long request token", SECRETS, put_secret, secret(65, 1), "32-64"),
        refused("a secret over 64 KB", SECRETS, put_secret, secret(32, 65_537), "65536"),
        refused(
            "51 recipients",
            MAIL,
            SEND,
            mail(json!(vec!["a@b.c"; 51]), text.clone(), json!([])),
            "exceeds 50",
        ),
        refused("no body", MAIL, SEND, mail(one.clone(), json!({}), json!([])), "neither a text"),
        refused(
            "a local part beyond ASCII",
            MAIL,
            SEND,
            mail(json!(["ä@b.c"]), text.clone(), json!([])),
            "ASCII",
        ),
        refused(
            "16 headers",
            HEADERS,
            SEND,
            mail(one.clone(), text.clone(), json!(vec![header(1, 1); 16])),
            "15",
        ),
        refused(
            "a long name",
            HEADERS,
            SEND,
            mail(one.clone(), text.clone(), json!([header(127, 1)])),
            "too long",
        ),
        refused("a long value", HEADERS, SEND, mail(one, text, json!([header(1, 871)])), "too long"),
    ]
}
