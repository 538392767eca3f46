//! Routes and their callers. A use case receives its caller as a value that only the check can make: [`Anonymous`]
//! needs none, [`crate::Authenticated`] a session that has not ended, and [`crate::Authorized`] a permission as well.

use std::{fmt, future::Future, sync::Arc};

use cloud::{Cloud, Invocation, Random, SettingError};
use domain::{Actor, Client, EventContext, EventId, Id, Receipt, Timestamp, UserId};
use lambda_http::{RequestExt, http::Request};
use store::Identities;

use crate::{
    Admission, Answer, Error, ProblemType, Trace,
    receipts::{Keyed, Replay},
    request::{context, header},
};

/// The method that is answered like `GET`, without the body (RFC 9110, section 9.3.2).
pub(crate) const HEAD: &str = "HEAD";
/// Longer `User-Agent`s are cut to this many characters.
const MAX_USER_AGENT: usize = 256;

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
    /// `GET`, `POST`…; `GET` for `HEAD`, which differs only in that the response has no body.
    pub method: String,
    /// The path, percent-encoded as it was sent.
    pub path: String,
    /// Where it came from.
    pub client: Client,
    /// What ties log, event and answer together.
    pub trace: Trace,
    /// `If-Match`, as it was sent.
    pub if_match: Option<String>,
    /// The time at which the request arrived. It does not change while the request is served.
    pub now: Timestamp,
    event_id: EventId,
    random: Random,
    pub(crate) authorization: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) keyed: Option<Arc<Keyed>>,
}

/// A caller of a use case.
pub trait Caller: Sized + Send {
    /// What the check needs: nothing, or keys.
    type Gate: Send + Sync;
    /// Whether the check is that of an access token.
    const TAKES_TOKEN: bool;
    /// Why somebody is not let in.
    const PROBLEMS: &'static [ProblemType];

    /// Makes the gate of a function whose callers are in `identities`.
    ///
    /// # Errors
    /// If a setting is missing.
    fn gate(cloud: &Cloud, identities: &Identities) -> Result<Self::Gate, SettingError>;

    /// Verifies what the request presents.
    fn admit(gate: &Self::Gate, head: Head) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Returns the check of the caller against the tables, without which nothing is answered; `None` if there is
    /// nothing to check.
    fn admission(&self) -> Option<Admission>;

    /// Returns the request.
    fn head(&mut self) -> &mut Head;

    /// Returns the user, if the caller is known.
    fn user_id(&self) -> Option<UserId>;

    /// Prepares the gate for the first request.
    fn warm(_gate: &Self::Gate) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// Somebody of whom nothing is known.
pub struct Anonymous {
    /// The request that they make.
    pub head: Head,
}

impl Anonymous {
    /// Returns the context of the request's event, which is the same for each attempt.
    #[must_use]
    pub fn context(&self) -> EventContext {
        self.head.context(Actor::Anonymous)
    }

    /// The receipt for an answer, to be committed with what it tells of; `None` if the request has no key.
    #[must_use]
    pub fn receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.head.receipt(answer, Replay::Always)
    }
}

impl Caller for Anonymous {
    type Gate = ();
    const TAKES_TOKEN: bool = false;
    const PROBLEMS: &'static [ProblemType] = &[];

    fn gate(_cloud: &Cloud, _identities: &Identities) -> Result<(), SettingError> {
        Ok(())
    }

    async fn admit(_gate: &(), head: Head) -> Result<Self, Error> {
        Ok(Self { head })
    }

    fn admission(&self) -> Option<Admission> {
        None
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn user_id(&self) -> Option<UserId> {
        None
    }
}

impl Head {
    /// Checks that the request is for `version` of the resource. Without `If-Match` it is for every version (RFC 9110,
    /// section 13.1.1).
    ///
    /// # Errors
    /// [`ProblemType::VersionConflict`].
    pub fn require_version(&self, version: u64) -> Result<(), Error> {
        let is_it = |tag: &str| tag == "*" || tag == format!("\"{version}\"");
        let is_met = self.if_match.as_ref().is_none_or(|tags| tags.split(',').any(|tag| is_it(tag.trim())));
        if is_met { Ok(()) } else { Err(ProblemType::VersionConflict.into()) }
    }

    /// Makes an id for the moment of the request.
    #[must_use]
    pub fn new_id<Kind>(&self) -> Id<Kind> {
        self.random.id(self.now)
    }

    /// Makes random bytes, for example the salt of a hash.
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
            // Never from a header: the sender writes X-Forwarded-For.
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
            content_type,
            idempotency_key,
            keyed: None,
        }
    }

    /// The bearer token, if one is presented (RFC 6750, section 2.1). The scheme may be in any case, and any
    /// number of spaces may follow it (RFC 9110, section 11.4).
    pub(crate) fn bearer_token(&self) -> Option<&str> {
        let (scheme, token) = self.authorization.as_deref()?.split_once(' ')?;
        let token = token.trim_matches(' ');
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }

    pub(crate) fn receipt(&self, answer: &impl Answer, replay: Replay) -> Option<Receipt> {
        self.keyed.as_ref().map(|keyed| keyed.receipt(answer, replay, self.random_bytes()))
    }
}
