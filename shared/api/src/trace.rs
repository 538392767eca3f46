//! The ids that connect a request with its logs and events.

use cloud::{Invocation, Random};
use domain::{Actor, EventContext, EventId, Timestamp};
use lambda_http::http::Request;

use crate::request::{context, header};

const MAX_CORRELATION_ID: usize = 64;

/// The ids of a request for logs, events and the response.
#[derive(Clone, Debug)]
pub struct Trace {
    /// The well-formed `x-correlation-id` of the request, otherwise the request id of the gateway or of
    /// Lambda.
    pub correlation_id: String,
    /// The W3C Trace Context: that of the caller if well-formed, otherwise that of Lambda's trace, otherwise
    /// a new one.
    pub traceparent: String,
}

impl Trace {
    pub(crate) fn of<B>(request: &Request<B>, invocation: &Invocation, random: &Random) -> Self {
        let correlation_id = header(request.headers(), "x-correlation-id").filter(|id| is_correlation_id(id));
        let of_gateway = context(request).and_then(|context| context.request_id.as_ref());
        let made = of_gateway.into_iter().chain([&invocation.id]).find(|id| !id.is_empty());
        let traceparent = header(request.headers(), "traceparent").filter(|value| is_traceparent(value));
        let of_lambda = || of_xray(invocation.xray.as_deref()?, random);
        let traceparent = traceparent.or_else(of_lambda);
        Self {
            correlation_id: correlation_id.or_else(|| made.cloned()).unwrap_or_default(),
            traceparent: traceparent
                .unwrap_or_else(|| format!("00-{}-{}-00", random.uuid().simple(), span(random))),
        }
    }

    pub(crate) fn cause(&self, event_id: EventId, occurred_at: Timestamp, actor: Actor) -> EventContext {
        let Self { correlation_id, traceparent } = self.clone();
        EventContext { event_id, occurred_at, actor, correlation_id, traceparent: Some(traceparent) }
    }

    /// Returns the id of the trace for logs: 32 hexadecimal digits.
    pub(crate) fn id(&self) -> &str {
        self.traceparent.get(3..35).unwrap_or_default()
    }
}

/// Returns whether a text is harmless in a header, a log line and an event.
fn is_correlation_id(id: &str) -> bool {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (8..=MAX_CORRELATION_ID).contains(&id.len()) && id.bytes().all(harmless)
}

/// Returns whether a text is a W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`, and neither id is zero.
/// Later versions, except `ff`, may continue after another hyphen.
fn is_traceparent(value: &str) -> bool {
    let hex = |part: &str, length| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let id = |part: &str, length| hex(part, length) && part.bytes().any(|b| b != b'0');
    let mut parts = value.splitn(5, '-');
    let mut next = || parts.next().unwrap_or_default();
    let version = next();
    let is_known = version == "00";
    hex(version, 2)
        && version != "ff"
        && id(next(), 32)
        && id(next(), 16)
        && hex(next(), 2)
        && parts.next().is_none_or(|_| !is_known)
}

/// Converts the trace of X-Ray, `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`, whose parent may be
/// missing.
fn of_xray(header: &str, random: &Random) -> Option<String> {
    let part = |name: &str| header.split(';').find_map(|part| part.trim().strip_prefix(name));
    let trace = part("Root=1-")?.replacen('-', "", 1);
    let parent = part("Parent=").map_or_else(|| span(random), str::to_owned);
    let flags = if part("Sampled=") == Some("1") { "01" } else { "00" };
    Some(format!("00-{trace}-{parent}-{flags}")).filter(|made| is_traceparent(made))
}

/// Creates 16 hexadecimal digits. They are never all zero, because one of them is the version of the UUID.
fn span(random: &Random) -> String {
    random.uuid().simple().to_string().split_off(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_correlation_ids_are_accepted() {
        assert!(is_correlation_id("0190f5c4-7e1a.b_C"));
        for refused in ["", "short", "has space in it", "new\nline-new", "quote\"quote\"", &"a".repeat(65)] {
            assert!(!is_correlation_id(refused), "{refused:?}");
        }
    }

    #[test]
    fn only_well_formed_trace_contexts_are_accepted() {
        for taken in [
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert!(is_traceparent(taken), "{taken:?}");
        }
        for refused in [
            "",
            "00-0af7-b7ad-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319\n-b7ad6b7169203331-01",
        ] {
            assert!(!is_traceparent(refused), "{refused:?}");
        }
    }

    #[test]
    fn lambdas_trace_is_continued_if_the_client_has_none() {
        const SENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let of = |sent: Option<&str>, xray: &str| {
            let request = sent
                .into_iter()
                .fold(Request::builder(), |request, sent| request.header("traceparent", sent));
            let request = request.body(()).expect("a request");
            let deadline = cloud::Deadline::after(std::time::Duration::ZERO);
            let invocation = Invocation { id: "i".to_owned(), xray: Some(xray.to_owned()), deadline };
            let random = Random::of(|bytes| bytes.fill(0xab));
            Trace::of(&request, &invocation, &random).traceparent
        };
        let root = "Root=1-5759e988-bd862e3fe1be46a994272793";
        let whole = format!("{root};Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0");

        assert_eq!(of(Some(SENT), &whole), SENT);
        assert_eq!(of(None, &whole), "00-5759e988bd862e3fe1be46a994272793-53995c3f42cd8ad8-01");
        let without_parent = of(None, &format!("{root};Sampled=0"));
        assert_eq!(without_parent, "00-5759e988bd862e3fe1be46a994272793-abababababababab-00");
        for none in ["", "Root=1-5759e988", "Root=1-5759e988-bd862e3fe1be46a99427279g;Sampled=1"] {
            assert_eq!(of(None, none), "00-abababababab4bababababababababab-abababababababab-00", "{none:?}");
        }
    }
}
