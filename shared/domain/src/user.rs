//! Users, and the credential that proves one.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::{
    Actor, CanonicalEmail, Cause, Email, Event, EventKind, Name, PasswordHash, Session, SessionEnd,
    SessionId, SessionLimits, Stream, Timestamp, UserId,
};

/// Somebody whose address is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// The sequence of the user's last event; every change raises it by one.
    pub version: u64,
    /// The session epoch: raised to end every session at once.
    pub epoch: u64,
    /// Whether the user may sign in.
    pub status: Status,
    /// The proven address.
    pub email: Email,
    /// First name, if given.
    pub first_name: Option<Name>,
    /// Last name, if given.
    pub last_name: Option<Name>,
    /// Names of the roles that the user has.
    pub roles: Vec<String>,
    /// When the address was proven.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
}

/// Whether a user may sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Yes.
    Active,
    /// No, until an administrator says otherwise.
    Suspended,
}

/// What proves a user: the claim on an address, and the hash of the password.
#[derive(Clone)]
pub struct Credential {
    /// The address that this credential claims.
    pub email: CanonicalEmail,
    /// Whose it is.
    pub user_id: UserId,
    /// The hash that the password is compared with.
    pub password_hash: PasswordHash,
}

impl User {
    /// Whether `session` still stands for this user: the user may sign in and nothing has ended
    /// all sessions since.
    #[must_use]
    pub fn admits(&self, session: &Session) -> bool {
        self.status == Status::Active && self.id == session.user_id && self.epoch == session.epoch
    }

    /// Starts a session. Returns the user one version on, the session, and the event.
    #[must_use]
    pub fn start_session(
        &self,
        id: SessionId,
        limits: &SessionLimits,
        client: Client,
        cause: Cause,
    ) -> (Self, Session, Event) {
        let now = cause.occurred_at;
        let session = Session::start(id, self, limits, client, now);
        let (user, event) = self.change(cause, EventKind::SessionStarted { session_id: id });
        (user, session, event)
    }

    /// Ends one of the user's sessions. Returns the user one version on, and the event.
    #[must_use]
    pub fn end_session(&self, session_id: SessionId, reason: SessionEnd, cause: Cause) -> (Self, Event) {
        self.change(cause, EventKind::SessionEnded { session_id, reason })
    }

    /// Every change of a user is one version and one event of the same number.
    fn change(&self, cause: Cause, kind: EventKind) -> (Self, Event) {
        let user = Self { version: self.version + 1, ..self.clone() };
        let cause = Cause { actor: Actor::User(self.id), ..cause };
        let event = Event { stream: Stream::User(user.id), sequence: user.version, cause, kind };
        (user, event)
    }
}

/// Where a request came from, as the owner of a session is shown it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The source address, from the gateway's request context.
    pub ip: Option<String>,
    /// The `User-Agent`, cut to 256 characters.
    pub user_agent: Option<String>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
        })
    }
}

impl FromStr for Status {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            _ => Err(()),
        }
    }
}
