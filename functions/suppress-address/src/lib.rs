//! Suppresses an address when SES reports a permanent bounce or a complaint. SES suspends senders who
//! continue to mail such addresses.

use cloud::{Clock, Cloud, Function, Invocation, InvocationError, SettingError, chain};
use domain::Email;
use serde::Deserialize;
use store::{Identities, SuppressionReason};

/// Suppresses addresses.
pub struct SuppressAddress {
    identities: Identities,
    clock: Clock,
}

/// The event, as EventBridge delivers it.
#[derive(Deserialize)]
pub struct Delivery {
    id: String,
    detail: Detail,
}

/// The report of SES. It has one of the two.
#[derive(Deserialize)]
struct Detail {
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complaint_feedback_type: Option<String>,
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

/// Wires the function.
///
/// # Errors
/// If a setting is missing.
pub fn function(cloud: &Cloud) -> Result<SuppressAddress, SettingError> {
    Ok(SuppressAddress { identities: Identities::new(cloud)?, clock: cloud.clock() })
}

impl Function for SuppressAddress {
    type Event = Delivery;
    type Answer = ();

    async fn call(&self, delivery: Delivery, _: Invocation) -> Result<(), InvocationError> {
        let Some((reason, recipients)) = delivery.detail.verdict() else { return Ok(()) };
        for recipient in recipients {
            let Ok(email) = Email::parse(&recipient.email_address) else {
                tracing::warn!(event_id = delivery.id, "SES reported an invalid address");
                continue;
            };
            let suppressed = self.identities.suppress(email.canonical(), reason, self.clock.now()).await;
            if let Err(failure) = suppressed {
                tracing::error!(
                    event_id = delivery.id,
                    cause = chain(&failure),
                    "failed to suppress an address"
                );
                return Err(InvocationError("an address was not suppressed"));
            }
            tracing::info!(event_id = delivery.id, reason = reason.name(), "suppressed an address");
            cloud::put_count("AddressesSuppressed", 1);
        }
        Ok(())
    }
}

impl Detail {
    /// Returns the recipients to suppress, and the reason. A full mailbox or an absent owner is temporary,
    /// and a report of `not-spam` is not a complaint.
    fn verdict(self) -> Option<(SuppressionReason, Vec<Recipient>)> {
        let bounce = self.bounce.filter(|bounce| bounce.bounce_type == "Permanent");
        let is_wanted =
            |complaint: &Complaint| complaint.complaint_feedback_type.as_deref() == Some("not-spam");
        let complaint = self.complaint.filter(|complaint| !is_wanted(complaint));
        match (bounce, complaint) {
            (_, Some(complaint)) => Some((SuppressionReason::Complaint, complaint.complained_recipients)),
            (Some(bounce), None) => Some((SuppressionReason::Bounce, bounce.bounced_recipients)),
            (None, None) => None,
        }
    }
}
