//! The checks of the sending address.

use cloud::{AwsCallError, Settings};
use serde_json::Value;

use super::{
    check::{Check, Remedy},
    deployed::Deployed,
};
use crate::xml::escaped;

const IDENTITY: Remedy =
    Remedy("verify MailFrom or its domain in SES, in the region of the stack", "docs/use/mail.md");
const SANDBOX: Remedy = Remedy(
    "request production access from AWS: until then only verified recipients get mail",
    "docs/use/mail.md",
);
const SENDING: Remedy = Remedy("read the reason in SES's console, and resolve it", "docs/use/mail.md");

/// Checks the mail account with the `settings` of `send-mail`.
pub(crate) async fn checks(deployed: &Deployed, settings: &Settings) -> Vec<Check> {
    let setting = |name: &str| settings.optional(name).unwrap_or_default();
    // An SMTP server is tested by the first mail.
    if setting("MAIL_TRANSPORT") != "ses" {
        return Vec::new();
    }
    let identity = identity(deployed, setting("MAIL_FROM")).await;
    let mut checks = vec![match identity {
        Ok(found) => verified(&found),
        Err(error) => Check::unanswered("mail identity", "verified", &error, IDENTITY),
    }];
    match deployed.mail.get_json("/v2/email/account").await {
        Ok(found) => checks.extend(account(&found)),
        Err(error) => checks.push(Check::unanswered("mail account", "may send", &error, SENDING)),
    }
    checks
}

/// Reads the identity of the address, or that of its domain.
async fn identity(deployed: &Deployed, address: &str) -> Result<Value, AwsCallError> {
    let ask = async |identity: &str| {
        deployed.mail.get_json(&format!("/v2/email/identities/{}", escaped(identity))).await
    };
    match ask(address).await {
        Ok(found) if found["VerifiedForSendingStatus"] == true => Ok(found),
        other => match address.split_once('@') {
            Some((_, domain)) => ask(domain).await.or(other),
            None => other,
        },
    }
}

pub(crate) fn verified(identity: &Value) -> Check {
    let is_verified = identity["VerifiedForSendingStatus"] == true;
    let found = if is_verified { "verified" } else { "not verified" };
    Check::equal("mail identity", "verified", found, IDENTITY)
}

pub(crate) fn account(account: &Value) -> [Check; 2] {
    let said = |name: &str, yes: &str, no: &str| if account[name] == true { yes } else { no }.to_owned();
    let access = said("ProductionAccessEnabled", "production access", "in the sandbox");
    [
        Check::equal("mail account: sending", "on", said("SendingEnabled", "on", "off"), SENDING),
        Check::equal("mail account: recipients", "production access", access, SANDBOX).at_most_a_warning(),
    ]
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::check::Severity;

    #[test]
    fn an_unverified_address_and_a_blocked_account_are_found() {
        let identity =
            |is_verified: bool| verified(&json!({"VerifiedForSendingStatus": is_verified})).severity;
        let severities = |sending: bool, production: bool| {
            let answer = json!({"SendingEnabled": sending, "ProductionAccessEnabled": production});
            account(&answer).map(|check| check.severity)
        };

        assert_eq!((identity(true), identity(false)), (Severity::Ok, Severity::Error));
        assert_eq!(severities(true, true), [Severity::Ok, Severity::Ok]);
        assert_eq!(severities(false, true), [Severity::Error, Severity::Ok]);
        assert_eq!(severities(true, false), [Severity::Ok, Severity::Warning]);
    }
}
