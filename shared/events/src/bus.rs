//! The bus: one call, and what its answer means for each entry.

use aws_sdk_eventbridge::{
    Client,
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_events::PutEventsError,
    primitives::DateTime,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use cloud::{Cloud, SettingError};
use domain::Canary;
use store::PendingEvent;

use crate::waves::MAX_BYTES;

const SOURCE: &str = "gatepost";

/// The bus that events are published to.
#[derive(Clone, Debug)]
pub(crate) struct Bus {
    eventbridge: Client,
    name: String,
}

/// What became of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The bus has taken it, under an id of its own.
    Accepted(String),
    /// The bus will never take it.
    Poison(String),
    /// The bus has not taken this entry; it may the next time.
    Failed(String),
    /// The bus takes nothing for now.
    Busy(String),
    /// The bus has refused the whole call; without the others the entry may be good.
    Crowded,
    /// The bus will take nothing until somebody repairs the deployment. Nothing is wrong with the event.
    Systemic(String),
}

impl Bus {
    /// The bus that the setting `EVENT_BUS` names.
    pub(crate) fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        // Entries fail one by one, which the SDK does not see: the publisher does all the retries.
        let config =
            aws_sdk_eventbridge::config::Builder::from(cloud.sdk()).retry_config(RetryConfig::disabled());
        Ok(Self { eventbridge: Client::from_conf(config.build()), name: cloud.settings().text("EVENT_BUS")? })
    }

    /// Publishes events in one call. Returns one verdict for each, in their order.
    pub(crate) async fn put(
        &self,
        events: impl ExactSizeIterator<Item = &PendingEvent> + Clone,
    ) -> Vec<Verdict> {
        let entries = events.clone().map(|event| self.entry(event)).collect();
        match self.eventbridge.put_events().set_entries(Some(entries)).send().await {
            Ok(answer) => {
                let answers = answer.entries.unwrap_or_default();
                let missing = || Verdict::Failed("NoAnswer".to_owned());
                (0..events.len()).map(|at| answers.get(at).map_or_else(missing, judge)).collect()
            }
            Err(error) => {
                let bytes = events.clone().map(entry_bytes).sum();
                vec![judge_call(&error, events.len(), bytes); events.len()]
            }
        }
    }

    fn entry(&self, event: &PendingEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(source(event))
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .time(DateTime::from_millis(event.created_at.millis()))
            .build()
    }
}

/// Who says so: of a canary somebody else, so that a rule for all of Gatepost's events brings none.
fn source(event: &PendingEvent) -> &'static str {
    if event.detail_type == Canary::TYPE { Canary::SOURCE } else { SOURCE }
}

/// The size of an entry as EventBridge counts it: 14 bytes for the time, and the others' UTF-8.
pub(crate) fn entry_bytes(event: &PendingEvent) -> usize {
    const TIME_BYTES: usize = 14;
    TIME_BYTES + source(event).len() + event.detail_type.len() + event.detail.len()
}

fn judge(answer: &PutEventsResultEntry) -> Verdict {
    match (&answer.error_code, &answer.event_id) {
        (None, Some(id)) => Verdict::Accepted(id.clone()),
        (None, None) => Verdict::Failed("NoAnswer".to_owned()),
        (Some(code), _) => judge_code(code),
    }
}

/// What the documentation of `PutEventsResultEntry` says of its codes. What it does not name is
/// tried again: only what is known to be the event's own fault may bury it.
fn judge_code(code: &str) -> Verdict {
    let verdict = match code {
        "MalformedDetail" | "InvalidArgument" | "RedactionFailure" => Verdict::Poison,
        code if is_systemic(code) => Verdict::Systemic,
        code if is_busy(code) => Verdict::Busy,
        _ => Verdict::Failed,
    };
    verdict(code.to_owned())
}

fn is_busy(code: &str) -> bool {
    code.contains("Throttl") || matches!(code, "TooManyRequestsException" | "RequestLimitExceeded")
}

/// Rights, identity, or a bus that is not there.
fn is_systemic(code: &str) -> bool {
    let prefixes = ["AccessDenied", "NotAuthorized", "InvalidAccountId", "ResourceNotFound", "ExpiredToken"];
    let codes = [
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    ];
    prefixes.iter().any(|prefix| code.starts_with(prefix)) || codes.contains(&code)
}

fn judge_call(error: &SdkError<PutEventsError>, entries: usize, bytes: usize) -> Verdict {
    let SdkError::ServiceError(answer) = error else {
        return match error {
            SdkError::ConstructionFailure(_) => Verdict::Systemic("ConstructionFailure".to_owned()),
            _ => Verdict::Busy("NoAnswer".to_owned()),
        };
    };
    let code = answer.err().code().unwrap_or("Unknown").to_owned();
    let is_refused = answer.raw().status().is_client_error() && !is_busy(&code);
    match () {
        () if !is_refused => Verdict::Busy(code),
        () if is_systemic(&code) => Verdict::Systemic(code),
        () if entries > 1 => Verdict::Crowded,
        () if bytes > MAX_BYTES => Verdict::Poison(code),
        // A small event, alone and still refused: more likely the bus's name than the event.
        () => Verdict::Systemic(code),
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

        // Time, `gatepost`, the type, and the detail with its two bytes of `ë`.
        assert_eq!(entry_bytes(&event), 14 + 8 + 15 + 15);
    }

    #[test]
    fn each_code_of_an_entry_has_its_consequence() {
        use Verdict::{Busy, Failed, Poison, Systemic};
        let judged = |code: &str| judge(&PutEventsResultEntry::builder().error_code(code).build());
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
        ];
        for code in systemic {
            assert_eq!(judged(code), Systemic(code.to_owned()));
        }
    }

    #[test]
    fn only_an_id_without_an_error_is_acceptance() {
        let builder = PutEventsResultEntry::builder;
        assert_eq!(judge(&builder().event_id("e1").build()), Verdict::Accepted("e1".to_owned()));
        assert_eq!(judge(&builder().build()), Verdict::Failed("NoAnswer".to_owned()));
        let both = builder().event_id("e1").error_code("InternalFailure").build();
        assert_eq!(judge(&both), Verdict::Failed("InternalFailure".to_owned()));
    }
}
