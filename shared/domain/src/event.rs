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

/// What happened. A new optional field is additive; any other change is a new version of the type.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
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
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Person {
    /// The e-mail address, as its owner wrote it.
    email: String,
    /// The first name, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Name>,
    /// The last name, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Name>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnd {
    /// The user logged out.
    LoggedOut,
    /// An old refresh token was used again: one of its two holders is a thief.
    TokenReused,
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

    /// The version of the type, the last part of `dataschema`: raised by a change that is not additive.
    #[must_use]
    pub const fn version(&self) -> u32 {
        match self {
            Self::RegistrationRequested { .. }
            | Self::ResendRequested {}
            | Self::UserRegistered { .. }
            | Self::SessionStarted { .. }
            | Self::SessionEnded { .. } => 1,
        }
    }

    pub(crate) fn without_person(mut self) -> Self {
        if let Self::RegistrationRequested { person, .. } | Self::UserRegistered { person, .. } = &mut self {
            *person = None;
        }
        self
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
