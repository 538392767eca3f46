//! The bus, and the meaning of its response for each entry.

mod classic;
mod custom;

use cloud::{AwsError, Cloud, SettingError, is_transient};
use domain::Canary;
use store::PendingEvent;

use self::{classic::Classic, custom::Custom};
use crate::waves::MAX_BYTES;

const SOURCE: &str = "gatepost";

/// The bus that events are published to.
#[derive(Clone, Debug)]
pub(crate) enum Bus {
    /// A bus with rules and targets, and without order.
    Classic(Classic),
    /// A bus with subscribers, which can be ordered within an event group.
    Custom(Custom),
}

/// The outcome of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The bus accepted the entry under this id.
    Accepted(String),
    /// The bus refuses the entry permanently.
    Poison(String),
    /// The bus refused the entry for now.
    Failed(String),
    /// The bus refuses all entries for now.
    Busy(String),
    /// The bus refused the whole call. The entry may be valid by itself.
    Crowded,
    /// The bus refuses all entries until an operator repairs the deployment. The event is not the cause.
    Systemic(String),
}

impl Bus {
    /// Opens the bus in the setting `EVENT_BUS`: the ARN of a custom bus, or the name or ARN of a classic
    /// one.
    pub(crate) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let name = cloud.settings().text("EVENT_BUS")?;
        let is_custom = name.starts_with("arn:") && name.contains(":event-busv2/");
        Ok(if is_custom {
            Self::Custom(Custom::new(cloud, name))
        } else {
            Self::Classic(Classic::new(cloud, name))
        })
    }

    /// Publishes events in one call. Returns one verdict for each, in their order.
    pub(crate) async fn put(
        &self,
        events: impl ExactSizeIterator<Item = &PendingEvent> + Clone + Send,
    ) -> Vec<Verdict> {
        let answered = match self {
            Self::Classic(bus) => bus.put(events.clone()).await,
            Self::Custom(bus) => bus.put(events.clone()).await,
        };
        match answered {
            Ok(mut verdicts) => {
                verdicts.resize(events.len(), Verdict::Failed("NoAnswer".to_owned()));
                verdicts
            }
            Err(fault) => {
                let entries = events.len();
                vec![judge_call(fault, entries, events.map(entry_bytes).sum()); entries]
            }
        }
    }
}

/// Returns the source of an event. Canaries have another one, so that a rule for all events of Gatepost does
/// not match them.
fn source(event: &PendingEvent) -> &'static str {
    if event.detail_type == Canary::TYPE { Canary::SOURCE } else { SOURCE }
}

/// Returns the size of an entry as EventBridge counts it: 14 bytes for the time, and the UTF-8 of the other
/// fields.
pub(crate) fn entry_bytes(event: &PendingEvent) -> usize {
    const TIME_BYTES: usize = 14;
    TIME_BYTES + source(event).len() + event.detail_type.len() + event.detail.len()
}

/// Judges the outcome of one entry on either bus.
fn judge(error_code: Option<&str>, event_id: Option<&str>) -> Verdict {
    match (error_code, event_id) {
        (None, Some(id)) => Verdict::Accepted(id.to_owned()),
        (None, None) => Verdict::Failed("NoAnswer".to_owned()),
        (Some(code), _) => judge_code(code),
    }
}

/// Judges an error code by the documentation of `PutEventsResultEntry`. Other codes are retried: only errors
/// that the event itself causes make it dead.
fn judge_code(code: &str) -> Verdict {
    let verdict = match code {
        "MalformedDetail" | "InvalidArgument" | "RedactionFailure" => Verdict::Poison,
        code if is_systemic(code) => Verdict::Systemic,
        code if is_transient(code) => Verdict::Busy,
        _ => Verdict::Failed,
    };
    verdict(code.to_owned())
}

/// Returns whether a code means missing permissions, a missing or inactive bus, or a call that cannot be
/// constructed.
fn is_systemic(code: &str) -> bool {
    let prefixes = ["AccessDenied", "NotAuthorized", "InvalidAccountId", "ResourceNotFound", "ExpiredToken"];
    let codes = [
        "ConstructionFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidStateException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ];
    prefixes.iter().any(|prefix| code.starts_with(prefix)) || codes.contains(&code)
}

/// Judges the refusal of a whole call.
fn judge_call(fault: AwsError, entries: usize, bytes: usize) -> Verdict {
    match fault {
        AwsError::Transient(code) => Verdict::Busy(code),
        AwsError::Final(code) if is_systemic(&code) => Verdict::Systemic(code),
        AwsError::Final(_) if entries > 1 => Verdict::Crowded,
        AwsError::Final(code) if bytes > MAX_BYTES => Verdict::Poison(code),
        // A small single event that is refused: more likely the name of the bus is wrong than the event.
        AwsError::Final(code) => Verdict::Systemic(code),
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;
    use store::EventKey;

    use super::*;

    #[test]
    fn bytes_are_counted_as_eventbridge_does() {
        let event = PendingEvent {
            key: EventKey { stream: "user#1".to_owned(), sequence: 1 },
            event_id: "1".to_owned(),
            detail_type: "user.registered".to_owned(),
            detail: r#"{"name":"Zoë"}"#.to_owned(),
            created_at: Timestamp::from_millis(0),
            attempts: 0,
            next_attempt_at: Timestamp::from_millis(0),
        };

        // The time, `gatepost`, the type, and the detail with the two bytes of `ë`.
        assert_eq!(entry_bytes(&event), 14 + 8 + 15 + 15);
    }

    #[test]
    fn each_code_of_an_entry_has_its_consequence() {
        use Verdict::{Busy, Failed, Poison, Systemic};
        let judged = |code: &str| judge(Some(code), None);
        for code in ["InternalFailure", "InternalException", "SomethingNew"] {
            assert_eq!(judged(code), Failed(code.to_owned()));
        }
        for code in ["ThrottlingException", "TooManyRequestsException"] {
            assert_eq!(judged(code), Busy(code.to_owned()));
        }
        for code in ["MalformedDetail", "InvalidArgument", "RedactionFailure"] {
            assert_eq!(judged(code), Poison(code.to_owned()));
        }
        let systemic = [
            "AccessDeniedException",
            "NotAuthorizedForSourceException",
            "NotAuthorizedForDetailTypeException",
            "InvalidAccountIdException",
            "ResourceNotFoundException",
            "InvalidStateException",
        ];
        for code in systemic {
            assert_eq!(judged(code), Systemic(code.to_owned()));
        }
    }

    #[test]
    fn only_an_id_without_an_error_is_acceptance() {
        assert_eq!(judge(None, Some("e1")), Verdict::Accepted("e1".to_owned()));
        assert_eq!(judge(None, None), Verdict::Failed("NoAnswer".to_owned()));
        assert_eq!(judge(Some("InternalFailure"), Some("e1")), Verdict::Failed("InternalFailure".to_owned()));
    }
}
