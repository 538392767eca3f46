//! Events: one for every change, numbered within its stream.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use crate::{
    Attributes, BreachCheck, ClientSecretId, DeviceFamily, EventId, GrantId, Locale, Name, Permission,
    RegistrationId, ResendId, ResetId, RoleName, SessionId, Standing, StatedReason, StatusName, Timestamp,
    User, UserChange, UserId, Week,
    oauth::{ClientId, GrantEnd},
};

/// One change, numbered within its stream.
#[derive(Clone, Debug)]
pub struct Event {
    /// The stream of the event.
    pub stream: Stream,
    /// The number within the stream, 1, 2, 3… without gaps. It is the version that the change created.
    pub sequence: u64,
    /// The id, time, actor and request of the event.
    pub context: EventContext,
    /// The change.
    pub kind: EventKind,
}

/// The subject of an event. Events of a stream are delivered in order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// A user's events, from registration to erasure.
    User(UserId),
    /// A registration, which waits for the proof of its address.
    Registration(RegistrationId),
    /// A request for another verification mail.
    Resend(ResendId),
    /// A request for a password reset link.
    Reset(ResetId),
    /// A role, from its definition to its deletion.
    Role(RoleName),
    /// The digest of a week.
    Digest(Week),
    /// An OAuth client, from its creation to its deletion.
    Client(ClientId),
}

/// The context of a change, which is fixed before the first attempt to commit it.
#[derive(Clone, Debug)]
pub struct EventContext {
    /// The event's id: what consumers de-duplicate on.
    pub event_id: EventId,
    /// The time of the change.
    pub occurred_at: Timestamp,
    /// The actor.
    pub actor: Actor,
    /// The correlation id of the request.
    pub correlation_id: String,
    /// The caller's W3C trace context, if any.
    pub traceparent: Option<String>,
}

/// The cause of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// An anonymous caller.
    Anonymous,
    /// A user.
    User(UserId),
    /// An operator with the `gatepost` command.
    Operator,
    /// The system itself, on a schedule.
    System,
}

/// The type of a change, with its data. Adding an optional field is compatible; any other change needs a new
/// version of the type.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum EventKind {
    /// `registration.requested`: an account was requested. The event has no personal data, because the
    /// address is unproven.
    RegistrationRequested {
        /// The registration's id.
        registration_id: RegistrationId,
        /// `unavailable` if the password could not be checked against known breaches.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `registration.resend-requested`: the verification mail was requested again.
    ResendRequested {},
    /// `user.registered`: a registration was verified, and the user exists.
    UserRegistered {
        /// The user's id.
        user_id: UserId,
        /// `unavailable` if the entered password could not be checked against known breaches.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.created`: an administrator created the user, who is invited by mail. The address is unproven until
    /// the user chooses a password.
    UserCreated {
        /// The user's id.
        user_id: UserId,
        /// The names of the user's roles, sorted.
        roles: Vec<String>,
        /// The reason that the actor stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.invitation-accepted`: the invited user chose the first password by the mailed link. The address
    /// is proven.
    InvitationAccepted {
        /// `unavailable` if the password could not be checked against known breaches.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `session.started`: the user logged in.
    SessionStarted {
        /// The session's id.
        session_id: SessionId,
        /// Whether a browser keeps it in a cookie, so that applications can sign the user in.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        browser: bool,
        /// The oldest sessions ended, because a user has at most 50.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        ended_session_ids: Vec<SessionId>,
    },
    /// `session.ended`: the session has ended and cannot be refreshed.
    SessionEnded {
        /// The session's id.
        session_id: SessionId,
        /// The reason.
        reason: SessionEnd,
        /// Browser and system of a session whose token was reused; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        device: Option<DeviceFamily>,
    },
    /// `sessions.ended`: the user ended every other session.
    OtherSessionsEnded {
        /// The session that continues.
        kept_session_id: SessionId,
    },
    /// `session.reauthenticated`: the user of a browser authenticated again. The session continues.
    SessionReauthenticated {
        /// The session's id.
        session_id: SessionId,
    },
    /// `grant.started`: a client got tokens for the user.
    GrantStarted {
        /// The grant's id.
        grant_id: GrantId,
        /// The client's id.
        client_id: ClientId,
        /// The browser session that the user signed in with.
        session_id: SessionId,
        /// The scope, tokens separated by a space.
        scope: String,
        /// Whether the grant outlives the session.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        offline: bool,
    },
    /// `grant.ended`: the grant has ended by itself. The end of its session, consent or client
    /// also ends it, without this event.
    GrantEnded {
        /// The grant's id.
        grant_id: GrantId,
        /// The client's id.
        client_id: ClientId,
        /// The reason.
        reason: GrantEnd,
    },
    /// `consent.granted`: the user allowed a client what it asked for.
    ConsentGranted {
        /// The client's id.
        client_id: ClientId,
        /// All that the client may do now, tokens separated by a space.
        scope: String,
    },
    /// `consent.withdrawn`: the user withdrew the consent, and the client's grants have ended.
    ConsentWithdrawn {
        /// The client's id.
        client_id: ClientId,
    },
    /// `password-reset.requested`: a password reset link was requested.
    PasswordResetRequested {},
    /// `user.password-reset-requested`: an administrator sent the user a password reset link, or the invitation
    /// again if it was not accepted.
    UserPasswordResetRequested {
        /// The reason that the actor stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.password-reset`: the user reset the password by a mailed link; every session has ended.
    PasswordReset {
        /// `unavailable` if the password could not be checked against known breaches.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `user.password-changed`: the user changed the password; every other session has ended.
    PasswordChanged {
        /// The session that continues.
        kept_session_id: SessionId,
        /// `unavailable` if the password could not be checked against known breaches.
        #[serde(skip_serializing_if = "Option::is_none")]
        breach_check: Option<BreachCheck>,
    },
    /// `user.email-change-requested`: the user asked for a new address, which is not proven yet.
    EmailChangeRequested {},
    /// `user.email-changed`: the new address is proven; every session has ended.
    EmailChanged {
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.updated`: the user or an administrator changed the profile.
    UserUpdated {
        /// The names of the fields that changed, sorted.
        changed: Vec<String>,
        /// The reason that an administrator stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
        /// Left out when the deployment publishes ids only.
        #[serde(flatten, skip_serializing_if = "Option::is_none")]
        person: Option<Person>,
    },
    /// `user.deletion-requested`: the user or an administrator requested the deletion; every session
    /// has ended.
    DeletionRequested {
        /// The time of the erasure.
        erase_at: Timestamp,
        /// The reason that an administrator stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.deletion-canceled`: the deletion was canceled by a log-in, an administrator or an
    /// operator.
    DeletionCanceled {
        /// The restored status: `active`, or `suspended` for a user who was suspended before.
        status: StatusName,
        /// The reason that an administrator stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.role-granted`: the user was granted a role.
    RoleGranted {
        /// The name of the role.
        role: RoleName,
        /// The reason that the actor stated, if any; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.role-revoked`: a role of the user was revoked.
    RoleRevoked {
        /// The name of the role.
        role: RoleName,
        /// Whether this ended every session of the user.
        sessions_ended: bool,
        /// The reason that the actor stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.suspended`: the user was suspended, and every session has ended. A pending erasure keeps its
    /// date.
    UserSuspended {
        /// The time of the erasure, if the user's own request is still pending.
        #[serde(skip_serializing_if = "Option::is_none")]
        erase_at: Option<Timestamp>,
        /// The reason that the actor stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.reactivated`: an administrator reactivated the user after a suspension or a deletion.
    /// A deletion that the user requested stays pending.
    UserReactivated {
        /// The time of the erasure, if the user's own request is still pending.
        #[serde(skip_serializing_if = "Option::is_none")]
        erase_at: Option<Timestamp>,
        /// The reason that the actor stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `user.signed-out`: an administrator ended every session of the user.
    UserSignedOut {
        /// The reason that the actor stated; left out with `EventDetail=ids`.
        #[serde(skip_serializing_if = "Option::is_none")]
        stated_reason: Option<StatedReason>,
    },
    /// `role.changed`: a role was created, or its permissions changed.
    RoleChanged {
        /// The role's permissions.
        permissions: BTreeSet<Permission>,
    },
    /// `role.deleted`: the role was deleted and grants nothing. No event follows.
    RoleDeleted {},
    /// `client.created`: an OAuth client was created.
    ClientCreated {},
    /// `client.updated`: properties of the client changed.
    ClientUpdated {
        /// The names of the properties that changed, sorted.
        changed: Vec<String>,
    },
    /// `client.secret-added`: the client has another secret.
    ClientSecretAdded {
        /// The id of the secret.
        secret_id: ClientSecretId,
    },
    /// `client.secret-removed`: a secret of the client was removed.
    ClientSecretRemoved {
        /// The id of the secret.
        secret_id: ClientSecretId,
    },
    /// `client.grants-ended`: every grant of the client has ended.
    ClientGrantsEnded {},
    /// `client.deleted`: the client was deleted, and its grants have ended. No event follows.
    ClientDeleted {},
    /// `user.restored`: the tables were restored to an earlier time, including the user; every
    /// session has ended.
    UserRestored {},
    /// `user.erased`: the user was erased, and only the id is left. No event follows.
    UserErased {},
    /// `digest.written`: the weekly status report for operators. It has no personal data.
    /// No event follows in its subject.
    DigestWritten {
        /// The status of the system.
        #[serde(flatten)]
        standing: Standing,
        /// The time of the last digest; missing in the first one.
        #[serde(skip_serializing_if = "Option::is_none")]
        since: Option<Timestamp>,
        /// The change of the user counts since the last digest; missing in the first one.
        #[serde(skip_serializing_if = "Option::is_none")]
        change: Option<UserChange>,
    },
}

/// Personal data in an event.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Person {
    /// The e-mail address, as entered.
    email: String,
    /// The first name, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<Name>,
    /// The last name, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<Name>,
    /// The preferred language, if given.
    #[serde(skip_serializing_if = "Option::is_none")]
    locale: Option<Locale>,
    /// The user's custom attributes by name, if any.
    #[serde(skip_serializing_if = "Attributes::is_empty")]
    attributes: Attributes,
    /// The path of the user's picture below the event's `source`, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

/// The reason why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnd {
    /// The user logged out.
    LoggedOut,
    /// The user ended it from another session.
    EndedByUser,
    /// Another user signed in with the same browser.
    Replaced,
    /// An old refresh token was used again, so it may have been stolen.
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

    /// Returns the event's type, e.g. `user.registered`, which is EventBridge's `detail-type`.
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
            Self::SessionReauthenticated { .. } => "session.reauthenticated",
            Self::GrantStarted { .. } => "grant.started",
            Self::GrantEnded { .. } => "grant.ended",
            Self::ConsentGranted { .. } => "consent.granted",
            Self::ConsentWithdrawn { .. } => "consent.withdrawn",
            Self::ClientCreated {} => "client.created",
            Self::ClientUpdated { .. } => "client.updated",
            Self::ClientSecretAdded { .. } => "client.secret-added",
            Self::ClientSecretRemoved { .. } => "client.secret-removed",
            Self::ClientGrantsEnded {} => "client.grants-ended",
            Self::ClientDeleted {} => "client.deleted",
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

    /// Returns the version of the type, which is the last part of `dataschema`. An incompatible change raises
    /// it.
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
            | Self::SessionReauthenticated { .. }
            | Self::GrantStarted { .. }
            | Self::GrantEnded { .. }
            | Self::ConsentGranted { .. }
            | Self::ConsentWithdrawn { .. }
            | Self::ClientCreated {}
            | Self::ClientUpdated { .. }
            | Self::ClientSecretAdded { .. }
            | Self::ClientSecretRemoved { .. }
            | Self::ClientGrantsEnded {}
            | Self::ClientDeleted {}
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
    /// The names of the fields, which redacted events do not have.
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
            Self::Client(id) => write!(f, "client#{id}"),
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
