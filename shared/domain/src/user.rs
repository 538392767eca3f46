//! Users.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Serialize, Serializer};

use crate::{
    Actor, AttributeChanges, Attributes, Email, EndedSession, Event, EventContext, EventKind,
    InvalidAttribute, Locale, Name, NewSession, PictureId, RoleName, Session, SessionId, SessionKind,
    SessionLimits, StartedSession, StatedReason, Stream, Timestamp, Transition, UserId, session,
};

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: UserId,
    /// The sequence of the user's last event. Every change raises it by one.
    pub version: u64,
    /// The session epoch. Raising it ends every session.
    pub epoch: u64,
    /// The version that set the password or address. See [`crate::Credential::proves`].
    pub credential_version: u64,
    /// The status.
    pub status: Status,
    /// The address. It is proven, or vouched for by the creator of the account, and then no password opens
    /// the account yet.
    pub email: Email,
    /// The first name, if given.
    pub first_name: Option<Name>,
    /// The last name, if given.
    pub last_name: Option<Name>,
    /// The preferred language, if given.
    pub locale: Option<Locale>,
    /// The custom attributes.
    pub attributes: Attributes,
    /// The picture, if any.
    pub picture: Option<PictureId>,
    /// The names of the user's roles.
    pub roles: Vec<String>,
    /// The time of the invitation; `None` once a password is chosen.
    pub invited_at: Option<Timestamp>,
    /// Whether the user has a password. Invited and some imported users choose one with a link first.
    pub has_password: bool,
    /// The time at which the account was created.
    pub created_at: Timestamp,
    /// The time of the last change of the profile.
    pub updated_at: Timestamp,
}

/// The status of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The user may log in.
    Active,
    /// The user cannot log in until an administrator lifts the suspension.
    Suspended,
    /// The user will be erased. Logging in before then can cancel the deletion.
    Deleting {
        /// The time of the erasure.
        erase_at: Timestamp,
        /// Whether an administrator deleted the user. Logging in does not cancel that.
        is_final: bool,
        /// Whether the user is also suspended, and stays so if the deletion is canceled.
        was_suspended: bool,
    },
}

/// The remains of an erased user: the id, which is not reused, and the number of the last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tombstone {
    /// The id of the user.
    pub id: UserId,
    /// The sequence of the user's last event.
    pub version: u64,
    /// The time at which the account was created.
    pub created_at: Timestamp,
    /// The time of the erasure.
    pub erased_at: Timestamp,
}

/// The change of a member in a JSON Merge Patch (RFC 7396).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Keep the value.
    #[default]
    Keep,
    /// Remove the value.
    Remove,
    /// Replace the value.
    Set(T),
}

/// The user has the highest number of roles.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a user has 50 roles at most")]
pub struct TooManyRoles;

/// The names of roles are in each access token.
const MAX_ROLES: usize = 50;

/// A change of a profile.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The first name.
    pub first_name: Change<Name>,
    /// The last name.
    pub last_name: Change<Name>,
    /// The preferred language.
    pub locale: Change<Locale>,
    /// The custom attributes: those that are named, or all.
    pub attributes: Change<AttributeChanges>,
    /// Whether the picture is removed.
    pub removes_picture: bool,
}

impl User {
    /// Returns whether `session` is active for this user: the user may log in, and no change has ended all
    /// sessions since.
    #[must_use]
    pub fn admits(&self, session: &Session) -> bool {
        self.status == Status::Active && self.id == session.user_id && self.epoch == session.epoch
    }

    /// Returns whether the right password has an effect at `now`: it starts a session, or reveals the
    /// suspension.
    #[must_use]
    pub fn answers_to_password(&self, now: Timestamp) -> bool {
        match self.status {
            Status::Active | Status::Suspended => true,
            Status::Deleting { .. } => self.can_cancel_deletion(now),
        }
    }

    /// Returns whether the user requested the deletion, and it is not due at `now`. Administrators may still
    /// change such a user.
    #[must_use]
    pub fn can_cancel_deletion(&self, now: Timestamp) -> bool {
        matches!(self.status, Status::Deleting { erase_at, is_final: false, .. } if now < erase_at)
    }

    /// Returns whether the user is suspended, also while a deletion is pending.
    #[must_use]
    pub const fn is_suspended(&self) -> bool {
        matches!(self.status, Status::Suspended | Status::Deleting { was_suspended: true, .. })
    }

    /// Returns whether the user may choose a new password with a link. This decides whether links are
    /// requested, mailed and accepted.
    #[must_use]
    pub fn may_reset_password(&self) -> bool {
        self.status == Status::Active
    }

    /// Ends every session and schedules the erasure of the user after `grace`.
    #[must_use]
    pub fn request_deletion(&self, grace: Duration, context: EventContext) -> Transition {
        let erase_at = context.occurred_at.plus(grace);
        let kind = EventKind::DeletionRequested { erase_at, stated_reason: None };
        self.change_own(self.to_be_erased(erase_at, false), context, kind)
    }

    pub(crate) fn to_be_erased(&self, erase_at: Timestamp, is_final: bool) -> Self {
        let status = Status::Deleting { erase_at, is_final, was_suspended: self.is_suspended() };
        Self { epoch: self.epoch + 1, status, ..self.clone() }
    }

    /// Cancels a pending deletion on behalf of the actor. The user becomes active, or suspended if they were
    /// suspended before.
    #[must_use]
    pub fn cancel_deletion(&self, stated_reason: Option<StatedReason>, context: EventContext) -> Transition {
        let status = match self.status {
            Status::Deleting { was_suspended: true, .. } => Status::Suspended,
            _ => Status::Active,
        };
        let kind = EventKind::DeletionCanceled { status: status.name(), stated_reason };
        self.change(Self { status, ..self.clone() }, context, kind)
    }

    /// Erases the user. Returns the tombstone and the last event.
    #[must_use]
    pub fn erase(&self, context: EventContext) -> (Tombstone, Event) {
        let erased_at = context.occurred_at;
        let Transition { after, event, .. } =
            self.change_own(self.clone(), context, EventKind::UserErased {});
        let Self { id, version, created_at, .. } = after;
        (Tombstone { id, version, created_at, erased_at }, event)
    }

    /// Ends every session of a user from restored tables.
    #[must_use]
    pub fn restored(&self, context: EventContext) -> Transition {
        let raised = Self { epoch: self.epoch + 1, ..self.clone() };
        self.change(raised, context, EventKind::UserRestored {})
    }

    /// Grants a role. Returns `None` if the user already has it.
    ///
    /// # Errors
    /// [`TooManyRoles`].
    pub fn grant_role(
        &self,
        role: &RoleName,
        stated_reason: Option<StatedReason>,
        context: EventContext,
    ) -> Result<Option<Transition>, TooManyRoles> {
        if self.has_role(role.as_str()) {
            return Ok(None);
        }
        if self.roles.len() >= MAX_ROLES {
            return Err(TooManyRoles);
        }
        let mut roles = self.roles.clone();
        roles.push(role.to_string());
        roles.sort_unstable();
        let granted = Self { roles, updated_at: context.occurred_at, ..self.clone() };
        let kind = EventKind::RoleGranted { role: role.clone(), stated_reason };
        Ok(Some(self.change(granted, context, kind)))
    }

    /// Revokes a role, and ends every session if `ending_sessions` is set. Returns `None` if the user does
    /// not have the role.
    #[must_use]
    pub fn revoke_role(
        &self,
        role: &RoleName,
        ending_sessions: bool,
        stated_reason: Option<StatedReason>,
        context: EventContext,
    ) -> Option<Transition> {
        if !self.has_role(role.as_str()) {
            return None;
        }
        let mut roles = self.roles.clone();
        roles.retain(|name| name != role.as_str());
        let epoch = self.epoch + u64::from(ending_sessions);
        let left = Self { roles, epoch, updated_at: context.occurred_at, ..self.clone() };
        let kind =
            EventKind::RoleRevoked { role: role.clone(), sessions_ended: ending_sessions, stated_reason };
        Some(self.change(left, context, kind))
    }

    /// Starts a session beside the `present` ones. Ends the oldest of them if there are too many.
    #[must_use]
    pub fn start_session(
        &self,
        new: NewSession,
        present: &[Session],
        limits: &SessionLimits,
        context: EventContext,
    ) -> StartedSession {
        let now = context.occurred_at;
        let session = Session::start(new, self, limits, now);
        let ended = session::excess(self, present, now);
        let kind = EventKind::SessionStarted {
            session_id: session.id,
            browser: session.kind == SessionKind::Browser,
            ended_session_ids: ended.clone(),
        };
        let Transition { after: user, event, .. } = self.change_own(self.clone(), context, kind);
        StartedSession { user, session, ended, event }
    }

    /// Authenticates the user of a browser session again.
    #[must_use]
    pub fn reauthenticate(&self, session: &Session, context: EventContext) -> (Session, Transition) {
        let session = session.reauthenticate(context.occurred_at);
        let kind = EventKind::SessionReauthenticated { session_id: session.id };
        (session, self.change_own(self.clone(), context, kind))
    }

    /// Ends every session except `kept` by raising the epoch. The command moves `kept` to the new epoch.
    #[must_use]
    pub fn end_other_sessions(&self, kept: SessionId, context: EventContext) -> Transition {
        let raised = Self { epoch: self.epoch + 1, ..self.clone() };
        self.change_own(raised, context, EventKind::OtherSessionsEnded { kept_session_id: kept })
    }

    /// Ends one of the user's sessions.
    #[must_use]
    pub fn end_session(&self, ended: EndedSession, context: EventContext) -> Transition {
        let EndedSession { id: session_id, reason, device } = ended;
        self.change_own(self.clone(), context, EventKind::SessionEnded { session_id, reason, device })
    }

    /// Changes the profile on behalf of the actor, who states a reason unless they are the user. Returns
    /// `None` if nothing changes.
    ///
    /// # Errors
    /// If the attributes are too large in total.
    pub fn update(
        &self,
        change: &ProfileChange,
        stated_reason: Option<StatedReason>,
        context: EventContext,
    ) -> Result<Option<Transition>, InvalidAttribute> {
        let after = Self {
            first_name: change.first_name.of(self.first_name.as_ref()),
            last_name: change.last_name.of(self.last_name.as_ref()),
            locale: change.locale.of(self.locale.as_ref()),
            attributes: match &change.attributes {
                Change::Keep => self.attributes.clone(),
                Change::Remove => Attributes::default(),
                Change::Set(changes) => self.attributes.clone().changed(changes)?,
            },
            picture: self.picture.filter(|_| !change.removes_picture),
            updated_at: context.occurred_at,
            ..self.clone()
        };
        let changed = self.differing(&after);
        if changed.is_empty() {
            return Ok(None);
        }
        let kind = EventKind::user_updated(&after, changed, stated_reason);
        Ok(Some(self.change(after, context, kind)))
    }

    /// Sets another picture.
    #[must_use]
    pub fn set_picture(&self, picture: PictureId, context: EventContext) -> Transition {
        let pictured = Self { picture: Some(picture), updated_at: context.occurred_at, ..self.clone() };
        let kind = EventKind::user_updated(&pictured, self.differing(&pictured), None);
        self.change_own(pictured, context, kind)
    }

    /// Returns the first name if mails may use it: the user has proven the address. Until then, the name may
    /// be an attacker's text.
    #[must_use]
    pub fn name_in_mails(&self) -> Option<&Name> {
        self.first_name.as_ref().filter(|_| self.has_proven_email())
    }

    /// Returns whether the user has proven the address. Invited users have not.
    #[must_use]
    pub const fn has_proven_email(&self) -> bool {
        self.invited_at.is_none()
    }

    /// Returns the path of the public picture below the issuer, if there is one.
    #[must_use]
    pub fn picture_path(&self) -> Option<String> {
        self.picture.map(|picture| format!("/v1/pictures/{}/{picture}", self.id))
    }

    /// Returns the sorted names of the fields that differ.
    fn differing(&self, other: &Self) -> Vec<String> {
        let attributes = self.attributes.differing(&other.attributes);
        let parts = [
            ("first_name", self.first_name != other.first_name),
            ("last_name", self.last_name != other.last_name),
            ("locale", self.locale != other.locale),
            ("picture", self.picture != other.picture),
        ];
        let parts = parts.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.to_owned());
        attributes.into_iter().map(|name| format!("attributes.{name}")).chain(parts).collect()
    }

    /// Returns the change to `after` by the user themselves.
    pub(crate) fn change_own(&self, after: Self, context: EventContext, kind: EventKind) -> Transition {
        self.change(after, EventContext { actor: Actor::User(self.id), ..context }, kind)
    }

    /// Returns the change to `after` on behalf of the actor. Each change is one version, and one event with
    /// the number of that version.
    pub(crate) fn change(&self, after: Self, context: EventContext, kind: EventKind) -> Transition {
        let after = Self { version: self.version + 1, ..after };
        let event = Event { stream: Stream::User(after.id), sequence: after.version, context, kind };
        Transition { before: self.clone(), after, event }
    }
}

impl<T: Clone> Change<T> {
    fn of(&self, before: Option<&T>) -> Option<T> {
        match self {
            Self::Keep => before.cloned(),
            Self::Remove => None,
            Self::Set(value) => Some(value.clone()),
        }
    }
}

/// The source of a request, as the owner of the session sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Client {
    /// The source address, from the gateway's request context.
    pub ip: Option<String>,
    /// The `User-Agent`, truncated to 256 characters.
    pub user_agent: Option<String>,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name().as_str())
    }
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Status {
    type Err = ();
    /// Parses the name of a status that has no further data.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "active" => Ok(Self::Active),
            "suspended" => Ok(Self::Suspended),
            _ => Err(()),
        }
    }
}
