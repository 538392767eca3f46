//! SES's mailbox simulator: addresses whose mails bounce, or are called unwanted. What SES reports then
//! goes to EventBridge, if a configuration set says so.

use cloud::Random;
use domain::Timestamp;
use serde_json::{Value, json};

const DOMAIN: &str = "@simulator.amazonses.com";

/// What SES reports of a mail that it was given: the type and the detail of an event.
pub(crate) fn report(request: &[u8], now: Timestamp) -> Option<(&'static str, Value)> {
    let request: Value = serde_json::from_slice(request).ok()?;
    let configuration_set = request["ConfigurationSetName"].as_str()?;
    let recipient = request["Destination"]["ToAddresses"][0].as_str()?;
    let mailbox = recipient.to_ascii_lowercase();
    // A label may follow: `bounce+anything@…`.
    let mailbox = mailbox.strip_suffix(DOMAIN)?.split('+').next()?.to_owned();
    let recipients = json!([{"emailAddress": recipient}]);
    let (now, id) = (now.to_string(), Random::system().uuid().to_string());
    let (kind, name, feedback) = match mailbox.as_str() {
        "bounce" => (
            "Email Bounced",
            "bounce",
            json!({
                "bounceType": "Permanent", "bounceSubType": "General", "bouncedRecipients": recipients,
                "timestamp": now, "feedbackId": id,
            }),
        ),
        "ooto" => (
            "Email Bounced",
            "bounce",
            json!({
                "bounceType": "Transient", "bounceSubType": "General", "bouncedRecipients": recipients,
                "timestamp": now, "feedbackId": id,
            }),
        ),
        "complaint" => (
            "Email Complaint Received",
            "complaint",
            json!({
                "complaintFeedbackType": "abuse", "complainedRecipients": recipients,
                "timestamp": now, "feedbackId": id,
            }),
        ),
        _ => return None,
    };
    let mail = json!({
        "timestamp": now, "source": request["FromEmailAddress"], "destination": [recipient],
        "tags": {"ses:configuration-set": [configuration_set]},
    });
    let mut detail =
        json!({"eventType": if name == "bounce" { "Bounce" } else { "Complaint" }, "mail": mail});
    detail[name] = feedback;
    Some((kind, detail))
}
