//! What happened: one event for every change, numbered within its stream.

use std::fmt;

use serde::Serialize;

use crate::{EventId, Name, Registration, RegistrationId, ResendId, SessionId, Timestamp, User, UserId};

/// One change, numbered within its stream.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it belongs to.
    pub stream: Stream,
    /// 1, 2, 3… within the stream, without gaps: the version that the change made.
    pub sequence: u64,
    /// Which event it is, when it happened, who did it and on which request.
    pub cause: Cause,
    /// What happened.
    pub kind: EventKind,
}

/// What an event belongs to; its events are delivered in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// A user's events, from registration to erasure.
    User(UserId),
    /// A registration that waits for its address to be proven.
    Registration(RegistrationId),
    /// A request for another verification mail.
    Resend(ResendId),
}

/// When and why something happens: frozen before the first attempt to commit it.
#[derive(Clone, Debug)]
pub struct Cause {
    /// The event's id: what consumers de-duplicate on.
    pub event_id: EventId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The request that it happened on.
    pub correlation_id: String,
    /// The caller's W3C trace context, if any.
    pub traceparent: Option<String>,
}

/// Who did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who has not signed in.
    Anonymous,
    /// A user.
    User(UserId),
}

/// What happened. A new field is additive; a change of meaning is a new type.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum EventKind {
    /// `registration.requested`: somebody wants an account.
    RegistrationRequested {
        /// Which registration it is.
        registration_id: RegistrationId,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `registration.resend-requested`: somebody wants the verification mail again.
    ResendRequested {},
    /// `user.registered`: the address is proven, the user exists.
    UserRegistered {
        /// Who it is.
        user_id: UserId,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `session.started`: the user logged in.
    SessionStarted {
        /// Which session it is.
        session_id: SessionId,
    },
    /// `session.ended`: the session can be refreshed no more.
    SessionEnded {
        /// Which session it was.
        session_id: SessionId,
        /// Why.
        reason: SessionEnd,
    },
}

/// Personal data in an event.
#[derive(Clone, Debug, Serialize)]
pub struct Person {
    email: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Name>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Name>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnd {
    /// The user logged out.
    LoggedOut,
    /// An old refresh token was used again: one of its two holders is a thief.
    TokenReused,
}

/// How much the published events say of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Ids only.
    Ids,
    /// Ids, e-mail address and names.
    Profile,
}

impl EventKind {
    pub(crate) fn registration_requested(registration: &Registration) -> Self {
        let Registration { id, email, first_name, last_name, .. } = registration;
        let person = Person {
            email: email.address().to_owned(),
            first_name: first_name.clone(),
            last_name: last_name.clone(),
        };
        Self::RegistrationRequested { registration_id: *id, person: Some(person) }
    }

    pub(crate) fn user_registered(user: &User) -> Self {
        let person = Person {
            email: user.email.address().to_owned(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
        };
        Self::UserRegistered { user_id: user.id, person: Some(person) }
    }

    /// The event's type, e.g. `user.registered`: EventBridge's `detail-type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RegistrationRequested { .. } => "registration.requested",
            Self::ResendRequested {} => "registration.resend-requested",
            Self::UserRegistered { .. } => "user.registered",
            Self::SessionStarted { .. } => "session.started",
            Self::SessionEnded { .. } => "session.ended",
        }
    }

    fn without_person(mut self) -> Self {
        if let Self::RegistrationRequested { person, .. } | Self::UserRegistered { person, .. } = &mut self {
            *person = None;
        }
        self
    }
}

/// How this deployment writes its events: CloudEvents 1.0, in JSON.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The CloudEvents `source`: the deployment's public URL.
    pub source: String,
    /// Raised by an operator after a restore, so that re-used sequence numbers stay apart.
    pub epoch: u64,
    /// How much is said of a person.
    pub detail: Detail,
}

#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: EventId,
    source: &'a str,
    r#type: &'static str,
    subject: String,
    time: Timestamp,
    datacontenttype: &'static str,
    dataschema: String,
    /// CloudEvents' `sequence` extension is a string in lexicographic order.
    sequence: String,
    epoch: u64,
    actor: String,
    correlationid: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: EventKind,
}

impl Envelope {
    /// The exact text that is published as EventBridge's `detail`.
    #[must_use]
    pub fn render(&self, event: &Event) -> String {
        let data = match self.detail {
            Detail::Profile => event.kind.clone(),
            Detail::Ids => event.kind.clone().without_person(),
        };
        let kind = event.kind.name();
        let cloud_event = CloudEvent {
            specversion: "1.0",
            id: event.cause.event_id,
            source: &self.source,
            r#type: kind,
            subject: event.stream.to_string(),
            time: event.cause.occurred_at,
            datacontenttype: "application/json",
            dataschema: format!("urn:gatepost:event:{kind}:1"),
            sequence: format!("{:012}", event.sequence),
            epoch: self.epoch,
            actor: event.cause.actor.to_string(),
            correlationid: &event.cause.correlation_id,
            traceparent: event.cause.traceparent.as_deref(),
            data,
        };
        // Only a map key that is no string, or a failing `Serialize`, could fail; there is neither.
        serde_json::to_string(&cloud_event).unwrap_or_default()
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user#{id}"),
            Self::Registration(id) => write!(f, "registration#{id}"),
            Self::Resend(id) => write!(f, "resend#{id}"),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(id) => write!(f, "user:{id}"),
        }
    }
}
