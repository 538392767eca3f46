//! What happened: one event for every change, numbered within its stream.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::{
    Attributes, BreachCheck, DeviceFamily, EventId, Locale, Name, Permission, RegistrationId, ResendId,
    ResetId, RoleName, SessionId, Standing, StatedReason, StatusName, Timestamp, User, UserChange, UserId,
    Week,
};

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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// A user's events, from registration to erasure.
    User(UserId),
    /// A registration that waits for its address to be proven.
    Registration(RegistrationId),
    /// A request for another verification mail.
    Resend(ResendId),
    /// A request for a link to choose a new password.
    Reset(ResetId),
    /// A role, from its definition to its deletion.
    Role(RoleName),
    /// The digest of a week.
    Digest(Week),
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
    /// Whoever runs the system, by `gatepost`.
    Operator,
    /// Nobody: the system itself, when it was time.
    System,
}

/// What happened. A new optional field is additive; any other change is a new version of the type.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum EventKind {
    /// `registration.requested`: somebody wants an account. Nothing is said of a person: nobody has proven
    /// the address yet.
    RegistrationRequested {
        /// Which registration it is.
        registration_id: RegistrationId,
        /// `unavailable` if nobody could say in time whether the password was stolen elsewhere.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `registration.resend-requested`: somebody wants the verification mail again.
    ResendRequested {},
    /// `user.registered`: the address is proven, the user exists.
    UserRegistered {
        /// Who it is.
        user_id: UserId,
        /// `unavailable` if a password was chosen now, and no answer in time said whether it was stolen.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.created`: an administrator has made the user, who gets a mail to choose a password by. Until then
    /// the address is not proven.
    UserCreated {
        /// Who it is.
        user_id: UserId,
        /// Names of the roles that the user has, sorted.
        roles: Vec<String>,
        /// Why, in the words of who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.invitation-accepted`: somebody whom an administrator has made a user has chosen the first password
    /// by a mailed link. The address is proven.
    InvitationAccepted {
        /// `unavailable` if nobody could say in time whether the password was stolen elsewhere.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `session.started`: the user logged in.
    SessionStarted {
        /// Which session it is.
        session_id: SessionId,
        /// The oldest sessions, which ended because a user has 50 at most.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        ended_session_ids: Vec<SessionId>,
    },
    /// `session.ended`: the session can be refreshed no more.
    SessionEnded {
        /// Which session it was.
        session_id: SessionId,
        /// Why.
        reason: SessionEnd,
        /// Browser and system of a session whose token was reused; left out when only ids are published.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<DeviceFamily>,
    },
    /// `sessions.ended`: the user has ended every session but one.
    OtherSessionsEnded {
        /// The one that goes on.
        kept_session_id: SessionId,
    },
    /// `password-reset.requested`: somebody wants a link to choose a new password.
    PasswordResetRequested {},
    /// `user.password-reset-requested`: an administrator has a link mailed to the user, to choose a new password
    /// by; whoever has not accepted an invitation gets that again.
    UserPasswordResetRequested {
        /// Why, in the words of who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.password-reset`: a new password was chosen by a mailed link; every session has ended.
    PasswordReset {
        /// `unavailable` if nobody could say in time whether the password was stolen elsewhere.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `user.password-changed`: the user has chosen a new password; every session but one has ended.
    PasswordChanged {
        /// The one that goes on.
        kept_session_id: SessionId,
        /// `unavailable` if nobody could say in time whether the password was stolen elsewhere.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `user.email-change-requested`: the user wants another address, which is not proven yet.
    EmailChangeRequested {},
    /// `user.email-changed`: the new address is proven; every session has ended.
    EmailChanged {
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.updated`: the profile has changed: the user or an administrator has done it.
    UserUpdated {
        /// The names of the fields that changed, sorted.
        changed: Vec<String>,
        /// Why, in the words of an administrator who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.deletion-requested`: the user is to be erased, by their own wish or an administrator's; every session
    /// has ended.
    DeletionRequested {
        /// When that will be done.
        erase_at: Timestamp,
        /// Why, in the words of an administrator who wants it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.deletion-canceled`: the user is not to be erased any more. They have come back in time, or an
    /// administrator or operator keeps them.
    DeletionCanceled {
        /// What the user is again: `active`, or `suspended` if they were that before.
        status: StatusName,
        /// Why, in the words of an administrator who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.role-granted`: the user has another role.
    RoleGranted {
        /// Which one it is.
        role: RoleName,
        /// Why, in the words of who did it, if they said; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.role-revoked`: the user has a role no more.
    RoleRevoked {
        /// Which one it was.
        role: RoleName,
        /// Whether every session of the user has ended by it.
        sessions_ended: bool,
        /// Why, in the words of who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.suspended`: the user can no longer sign in, and every session has ended. A pending erasure keeps its
    /// date.
    UserSuspended {
        /// When the user is to be erased, if they asked for it and that stays pending.
        #[serde(skip_serializing_if = "Option::is_none")]
        erase_at: Option<Timestamp>,
        /// Why, in the words of who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.reactivated`: the user can sign in again: a suspension, or the deletion by an administrator, is over. A
    /// deletion that the user asked for stays pending.
    UserReactivated {
        /// When the user is to be erased, if they asked for it and that stays pending.
        #[serde(skip_serializing_if = "Option::is_none")]
        erase_at: Option<Timestamp>,
        /// Why, in the words of who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.signed-out`: an administrator has ended every session of the user.
    UserSignedOut {
        /// Why, in the words of who did it; left out when the deployment publishes ids only.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `role.changed`: there is a role, or it permits something else than before.
    RoleChanged {
        /// What it permits now.
        permissions: BTreeSet<Permission>,
    },
    /// `role.deleted`: the role is no more, and gives nothing to those who had it; no event follows.
    RoleDeleted {},
    /// `user.restored`: the tables were restored to an earlier moment, and the user is as they were then; every
    /// session has ended.
    UserRestored {},
    /// `user.erased`: nothing is left of the user but the id; no event follows.
    UserErased {},
    /// `digest.written`: once a week, how the system stands, for those who run it. It counts, and names nobody;
    /// no event follows.
    DigestWritten {
        /// How it stands.
        #[serde(flatten)]
        standing: Standing,
        /// When the digest before was written; missing in the first one.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// How many users there are more, or less, than then; missing in the first one.
        #[serde(skip_serializing_if = "Option::is_none")]
        change: Option<UserChange>,
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
    /// The language that the person reads, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    /// What the service keeps of the person besides, by name, if anything.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
    /// Where the person's picture is, if there is one: a path, below the event's `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnd {
    /// The user logged out.
    LoggedOut,
    /// The user ended it from another session.
    EndedByUser,
    /// An old refresh token was used again: one of its two holders is a thief.
    TokenReused,
}

impl EventKind {
    pub(crate) fn user_registered(user: &User, breach_check: Option<BreachCheck>) -> Self {
        Self::UserRegistered { user_id: user.id, breach_check, person: Some(Person::of(user)) }
    }

    pub(crate) fn user_created(user: &User, stated_reason: StatedReason) -> Self {
        Self::UserCreated {
            user_id: user.id,
            roles: user.roles.clone(),
            stated_reason: Some(stated_reason),
            person: Some(Person::of(user)),
        }
    }

    pub(crate) fn email_changed(user: &User) -> Self {
        Self::EmailChanged { person: Some(Person::of(user)) }
    }

    pub(crate) fn user_updated(
        user: &User,
        changed: Vec<String>,
        stated_reason: Option<StatedReason>,
    ) -> Self {
        Self::UserUpdated { changed, stated_reason, person: Some(Person::of(user)) }
    }

    /// The event's type, e.g. `user.registered`: EventBridge's `detail-type`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RegistrationRequested { .. } => "registration.requested",
            Self::ResendRequested {} => "registration.resend-requested",
            Self::UserRegistered { .. } => "user.registered",
            Self::UserCreated { .. } => "user.created",
            Self::InvitationAccepted { .. } => "user.invitation-accepted",
            Self::SessionStarted { .. } => "session.started",
            Self::SessionEnded { .. } => "session.ended",
            Self::OtherSessionsEnded { .. } => "sessions.ended",
            Self::PasswordResetRequested {} => "password-reset.requested",
            Self::UserPasswordResetRequested { .. } => "user.password-reset-requested",
            Self::PasswordReset { .. } => "user.password-reset",
            Self::PasswordChanged { .. } => "user.password-changed",
            Self::EmailChangeRequested {} => "user.email-change-requested",
            Self::EmailChanged { .. } => "user.email-changed",
            Self::UserUpdated { .. } => "user.updated",
            Self::DeletionRequested { .. } => "user.deletion-requested",
            Self::DeletionCanceled { .. } => "user.deletion-canceled",
            Self::RoleGranted { .. } => "user.role-granted",
            Self::RoleRevoked { .. } => "user.role-revoked",
            Self::UserSuspended { .. } => "user.suspended",
            Self::UserReactivated { .. } => "user.reactivated",
            Self::UserSignedOut { .. } => "user.signed-out",
            Self::RoleChanged { .. } => "role.changed",
            Self::RoleDeleted {} => "role.deleted",
            Self::UserRestored {} => "user.restored",
            Self::UserErased {} => "user.erased",
            Self::DigestWritten { .. } => "digest.written",
        }
    }

    /// The version of the type, the last part of `dataschema`: raised by a change that is not additive.
    #[must_use]
    pub const fn version(&self) -> u32 {
        match self {
            Self::RegistrationRequested { .. } => 2,
            Self::ResendRequested {}
            | Self::UserRegistered { .. }
            | Self::UserCreated { .. }
            | Self::InvitationAccepted { .. }
            | Self::SessionStarted { .. }
            | Self::SessionEnded { .. }
            | Self::OtherSessionsEnded { .. }
            | Self::PasswordResetRequested {}
            | Self::UserPasswordResetRequested { .. }
            | Self::PasswordReset { .. }
            | Self::PasswordChanged { .. }
            | Self::EmailChangeRequested {}
            | Self::EmailChanged { .. }
            | Self::UserUpdated { .. }
            | Self::DeletionRequested { .. }
            | Self::DeletionCanceled { .. }
            | Self::RoleGranted { .. }
            | Self::RoleRevoked { .. }
            | Self::UserSuspended { .. }
            | Self::UserReactivated { .. }
            | Self::UserSignedOut { .. }
            | Self::RoleChanged { .. }
            | Self::RoleDeleted {}
            | Self::UserRestored {}
            | Self::UserErased {}
            | Self::DigestWritten { .. } => 1,
        }
    }

    pub(crate) fn without_person(mut self) -> Self {
        if let Self::UserRegistered { person, .. }
        | Self::UserCreated { person, .. }
        | Self::EmailChanged { person }
        | Self::UserUpdated { person, .. } = &mut self
        {
            *person = None;
        }
        if let Self::SessionEnded { device, .. } = &mut self {
            *device = None;
        }
        if let Self::UserCreated { stated_reason, .. }
        | Self::UserUpdated { stated_reason, .. }
        | Self::UserPasswordResetRequested { stated_reason }
        | Self::RoleGranted { stated_reason, .. }
        | Self::RoleRevoked { stated_reason, .. }
        | Self::DeletionRequested { stated_reason, .. }
        | Self::DeletionCanceled { stated_reason, .. }
        | Self::UserSuspended { stated_reason, .. }
        | Self::UserReactivated { stated_reason, .. }
        | Self::UserSignedOut { stated_reason } = &mut self
        {
            *stated_reason = None;
        }
        self
    }
}

impl Person {
    /// The names of its fields: what an event that is redacted does not have.
    pub(crate) const FIELDS: [&str; 6] =
        ["email", "first_name", "last_name", "locale", "attributes", "picture"];

    pub(crate) fn of(user: &User) -> Self {
        Self {
            email: user.email.address().to_owned(),
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            locale: user.locale.clone(),
            attributes: user.attributes.clone(),
            picture: user.picture_path(),
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user#{id}"),
            Self::Registration(id) => write!(f, "registration#{id}"),
            Self::Resend(id) => write!(f, "resend#{id}"),
            Self::Reset(id) => write!(f, "reset#{id}"),
            Self::Role(name) => write!(f, "role#{name}"),
            Self::Digest(week) => write!(f, "digest#{week}"),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(id) => write!(f, "user:{id}"),
            Self::Operator => f.write_str("operator"),
            Self::System => f.write_str("system"),
        }
    }
}
