//! A request without its body.

use std::sync::Arc;

use cloud::{Invocation, Random};
use domain::{Actor, Client, EventContext, EventId, Id, Receipt, Timestamp};
use lambda_http::{RequestExt, http::Request};

use crate::{
    Answer, Error, ProblemType, Trace,
    request::{context, header},
    stored_response::{IdempotencyKey, Replay},
};

/// The method that is served like `GET`, without the body (RFC 9110, section 9.3.2).
pub(crate) const HEAD: &str = "HEAD";
/// Longer `User-Agent`s are truncated to this many characters.
const MAX_USER_AGENT: usize = 256;

/// A request without its body.
#[derive(Clone)]
pub struct Head {
    /// The method. It is `GET` also for `HEAD`, whose response only lacks the body.
    pub method: String,
    /// The path in its percent-encoded form.
    pub path: String,
    /// The client.
    pub client: Client,
    /// The ids of the request for logs, events and the response.
    pub trace: Trace,
    /// The value of `If-Match`.
    pub if_match: Option<String>,
    /// The time at which the request arrived. It does not change while the request is served.
    pub now: Timestamp,
    event_id: EventId,
    random: Random,
    pub(crate) authorization: Option<String>,
    cookies: Option<String>,
    origin: Option<String>,
    fetch_site: Option<String>,
    /// `Accept-Language`, as it was sent.
    pub accept_language: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) keyed: Option<Arc<IdempotencyKey>>,
}

impl Head {
    /// Checks that the request is for `version` of the resource. Without `If-Match`, it applies to every
    /// version (RFC 9110, section 13.1.1).
    ///
    /// # Errors
    /// [`ProblemType::VersionConflict`].
    pub fn require_version(&self, version: u64) -> Result<(), Error> {
        let is_it = |tag: &str| tag == "*" || tag == format!("\"{version}\"");
        let is_met = self.if_match.as_ref().is_none_or(|tags| tags.split(',').any(|tag| is_it(tag.trim())));
        if is_met { Ok(()) } else { Err(ProblemType::VersionConflict.into()) }
    }

    /// Creates an id with the time of the request.
    #[must_use]
    pub fn new_id<Kind>(&self) -> Id<Kind> {
        self.random.id(self.now)
    }

    /// Creates random bytes, for example the salt of a hash.
    #[must_use]
    pub fn random_bytes<const N: usize>(&self) -> [u8; N] {
        self.random.bytes()
    }

    pub(crate) fn context(&self, actor: Actor) -> EventContext {
        self.trace.cause(self.event_id, self.now, actor)
    }

    pub(crate) fn of<B>(
        request: &Request<B>,
        invocation: &Invocation,
        random: &Random,
        now: Timestamp,
    ) -> Self {
        let trace = Trace::of(request, invocation, random);
        let header = |name: &str| header(request.headers(), name);
        let client = Client {
            // Never from a header, because the client writes X-Forwarded-For.
            ip: context(request).and_then(|context| context.http.source_ip.clone()),
            user_agent: header("user-agent").map(|agent| agent.chars().take(MAX_USER_AGENT).collect()),
        };
        let (authorization, content_type) = (header("authorization"), header("content-type"));
        let (if_match, idempotency_key) = (header("if-match"), header("idempotency-key"));
        let method = request.method().as_str();
        Self {
            method: if method == HEAD { "GET" } else { method }.to_owned(),
            path: request.extensions().raw_http_path().to_owned(),
            client,
            trace,
            if_match,
            now,
            event_id: random.id(now),
            random: random.clone(),
            authorization,
            cookies: header("cookie"),
            origin: header("origin"),
            fetch_site: header("sec-fetch-site"),
            accept_language: header("accept-language"),
            content_type,
            idempotency_key,
            keyed: None,
        }
    }

    /// Returns the bearer token, if one is presented (RFC 6750, section 2.1).
    #[must_use]
    pub fn bearer_token(&self) -> Option<&str> {
        self.credentials("bearer")
    }

    /// Returns the credentials of the Basic scheme, if some are presented (RFC 7617), in Base64.
    #[must_use]
    pub fn basic_credentials(&self) -> Option<&str> {
        self.credentials("basic")
    }

    /// Whether the request has an `authorization` header.
    #[must_use]
    pub const fn is_authorized(&self) -> bool {
        self.authorization.is_some()
    }

    /// The scheme may be in any case, and any number of spaces may follow it (RFC 9110, section 11.4).
    fn credentials(&self, expected: &str) -> Option<&str> {
        let (scheme, credentials) = self.authorization.as_deref()?.split_once(' ')?;
        let credentials = credentials.trim_matches(' ');
        (scheme.eq_ignore_ascii_case(expected) && !credentials.is_empty()).then_some(credentials)
    }

    /// Returns the value of a cookie; of several with the name, the first.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let pairs = self.cookies.as_deref()?.split(';').filter_map(|pair| pair.trim().split_once('='));
        pairs.into_iter().find_map(|(found, value)| (found == name).then_some(value))
    }

    /// Requires that a page of the deployment behind `issuer` sends the request. Without an `Origin` the browser's own
    /// word counts (Fetch Metadata).
    ///
    /// # Errors
    /// [`ProblemType::CrossOrigin`].
    pub fn require_same_origin(&self, issuer: &str) -> Result<(), Error> {
        let is_same = match &self.origin {
            Some(origin) => origin_of(issuer) == origin,
            None => self.fetch_site.as_deref() == Some("same-origin"),
        };
        if is_same { Ok(()) } else { Err(ProblemType::CrossOrigin.into()) }
    }

    pub(crate) fn receipt(&self, answer: &impl Answer, replay: Replay) -> Option<Receipt> {
        self.keyed.as_ref().map(|keyed| keyed.receipt(answer, replay, self.random_bytes()))
    }
}

/// The origin of a URL: what comes before its path.
fn origin_of(url: &str) -> &str {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let end = url[authority..].find('/').map_or(url.len(), |at| authority + at);
    &url[..end]
}
