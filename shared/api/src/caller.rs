//! Routes, and who calls them. A right that a use case needs is an argument that only the check can
//! make: [`Anyone`] needs none, [`crate::SignedIn`] needs a valid access token, and [`crate::Permitted`] one
//! that says the user may do it.

use std::{fmt, future::Future, sync::Arc};

use domain::{Actor, Cause, Client, EventId, Receipt, Timestamp, UserId};

use crate::{Answer, GatewayEvent, Problem, ProblemType, receipts::Keyed};

/// Longer `User-Agent`s are cut to this many characters.
const MAX_USER_AGENT: usize = 256;
const MAX_CORRELATION_ID: usize = 64;

/// A method and a path of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, or `$default` for whatever no other route takes.
    pub path: &'static str,
}

/// The methods that routes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something.
    Post,
    /// Puts something in the place of what is there.
    Put,
    /// Changes parts of something.
    Patch,
    /// Ends something.
    Delete,
    /// Whatever comes.
    Any,
}

impl Route {
    /// `GET path`
    #[must_use]
    pub const fn get(path: &'static str) -> Self {
        Self { method: Method::Get, path }
    }

    /// `POST path`
    #[must_use]
    pub const fn post(path: &'static str) -> Self {
        Self { method: Method::Post, path }
    }

    /// `PUT path`
    #[must_use]
    pub const fn put(path: &'static str) -> Self {
        Self { method: Method::Put, path }
    }

    /// `PATCH path`
    #[must_use]
    pub const fn patch(path: &'static str) -> Self {
        Self { method: Method::Patch, path }
    }

    /// `DELETE path`
    #[must_use]
    pub const fn delete(path: &'static str) -> Self {
        Self { method: Method::Delete, path }
    }

    /// Whatever no other route takes.
    #[must_use]
    pub const fn fallback() -> Self {
        Self { method: Method::Any, path: "$default" }
    }
}

impl Method {
    /// Its name; empty for whatever comes.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Any => "",
        }
    }

    /// Whether it changes something.
    pub(crate) const fn changes(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch | Self::Delete)
    }
}

impl fmt::Display for Route {
    /// As API Gateway writes route keys: `POST /v1/sessions`, `$default`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Method::Any => f.write_str(self.path),
            method => write!(f, "{} {}", method.name(), self.path),
        }
    }
}

/// A request without its body.
#[derive(Clone)]
pub struct Head {
    /// `GET`, `POST`…
    pub method: String,
    /// The path, percent-encoded as it was sent.
    pub path: String,
    /// Where it came from.
    pub client: Client,
    /// What ties log, event and answer together.
    pub trace: Trace,
    /// `If-Match`, as it was sent.
    pub if_match: Option<String>,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) keyed: Option<Arc<Keyed>>,
}

/// What ties log, event and answer together.
#[derive(Clone, Debug)]
pub struct Trace {
    /// From a well-formed `x-correlation-id`, else the gateway's own id of the request, else Lambda's.
    pub correlation_id: String,
    /// The caller's W3C trace context, if it is well-formed.
    pub traceparent: Option<String>,
}

/// Somebody who may call a use case.
pub trait Caller: Sized + Send {
    /// What the check needs: nothing, or keys.
    type Gate: Send + Sync;
    /// Whether the check is that of an access token.
    const TAKES_TOKEN: bool;
    /// Why somebody is not let in.
    const PROBLEMS: &'static [ProblemType];

    /// Lets the sender of a request in, or not.
    fn admit(
        gate: &Self::Gate,
        head: Head,
        now: Timestamp,
    ) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// The request that they make.
    fn head(&mut self) -> &mut Head;

    /// Who it is, if that is known.
    fn user(&self) -> Option<UserId>;

    /// Prepares the gate for the first request.
    fn warm(_gate: &Self::Gate) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Somebody of whom nothing is known.
pub struct Anyone {
    /// The request that they make.
    pub head: Head,
}

impl Anyone {
    /// Why an event happens: on this request, by somebody unknown.
    #[must_use]
    pub fn cause(&self, event_id: EventId, now: Timestamp) -> Cause {
        self.head.trace.cause(event_id, now, Actor::Anonymous)
    }

    /// The receipt for an answer, to be committed with what it tells of; `None` if the request has no key.
    #[must_use]
    pub fn receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.head.receipt(answer)
    }
}

impl Caller for Anyone {
    type Gate = ();
    const TAKES_TOKEN: bool = false;
    const PROBLEMS: &'static [ProblemType] = &[];

    async fn admit(_gate: &(), head: Head, _now: Timestamp) -> Result<Self, Problem> {
        Ok(Self { head })
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn user(&self) -> Option<UserId> {
        None
    }
}

impl Trace {
    pub(crate) fn cause(&self, event_id: EventId, occurred_at: Timestamp, actor: Actor) -> Cause {
        let Self { correlation_id, traceparent } = self.clone();
        Cause { event_id, occurred_at, actor, correlation_id, traceparent }
    }
}

impl Head {
    /// Whether a change is wanted of what is of `version`: without `If-Match`, of any (RFC 9110, section
    /// 13.1.1).
    #[must_use]
    pub fn is_for_version(&self, version: u64) -> bool {
        let is_it = |tag: &str| tag == "*" || tag == format!("\"{version}\"");
        self.if_match.as_ref().is_none_or(|tags| tags.split(',').any(|tag| is_it(tag.trim())))
    }

    pub(crate) fn of(event: &mut GatewayEvent, invocation_id: &str) -> Self {
        let mut header = |name: &str| event.headers.remove(name);
        let correlation_id = header("x-correlation-id").filter(|id| is_correlation_id(id));
        let client = Client {
            // Never from a header: X-Forwarded-For is whatever the sender likes.
            ip: event.request_context.http.source_ip.take(),
            user_agent: header("user-agent").map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
        };
        let traceparent = header("traceparent").filter(|value| is_traceparent(value));
        let (authorization, content_type) = (header("authorization"), header("content-type"));
        let (if_match, idempotency_key) = (header("if-match"), header("idempotency-key"));
        let made =
            [event.request_context.request_id.as_str(), invocation_id].into_iter().find(|id| !id.is_empty());
        let correlation_id = correlation_id.or_else(|| made.map(str::to_owned)).unwrap_or_default();
        Self {
            method: event.request_context.http.method.clone(),
            path: event.raw_path.clone(),
            client,
            trace: Trace { correlation_id, traceparent },
            if_match,
            authorization,
            content_type,
            idempotency_key,
            keyed: None,
        }
    }

    pub(crate) fn receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.keyed.as_ref().map(|keyed| keyed.receipt(answer))
    }
}

/// What is echoed in a header, a log line and an event must be able to do no harm in any of them.
fn is_correlation_id(id: &str) -> bool {
    let harmless = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    (8..=MAX_CORRELATION_ID).contains(&id.len()) && id.bytes().all(harmless)
}

/// W3C Trace Context: `00-<32 hex>-<16 hex>-<2 hex>`, of which neither id is zero; a later version, which
/// never is `ff`, may have more behind another hyphen.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_correlation_ids_are_taken() {
        assert!(is_correlation_id("0190f5c4-7e1a.b_C"));
        for refused in ["", "short", "has space in it", "new\nline-new", "quote\"quote\"", &"a".repeat(65)] {
            assert!(!is_correlation_id(refused), "{refused:?}");
        }
    }

    #[test]
    fn only_well_formed_trace_contexts_are_taken() {
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
}
