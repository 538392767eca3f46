//! Sessions.

use std::{cmp::Reverse, time::Duration};

use thiserror::Error;

use crate::{Client, DeviceFamily, Event, SessionEnd, SessionId, Timestamp, User, UserId};

/// The highest number of sessions of a user.
const MAX_SESSIONS: usize = 50;
/// The highest number of sessions that one log-in ends: a transaction has room for 100 items.
const MAX_ENDED: usize = 25;

/// A session. It has no secret: the refresh token is a MAC over its ids and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// The user of the session.
    pub user_id: UserId,
    /// The number of refreshes. The current refresh token has this generation.
    pub generation: u64,
    /// The user's session epoch at the start of the session.
    pub epoch: u64,
    /// The holder of its token.
    pub kind: SessionKind,
    /// The time of the log-in.
    pub created_at: Timestamp,
    /// The time of the last authentication.
    pub authenticated_at: Timestamp,
    /// The time of the last refresh.
    pub rotated_at: Timestamp,
    /// The time at which the session ends unless it is refreshed.
    pub idle_expires_at: Timestamp,
    /// The time at which the session ends in any case.
    pub expires_at: Timestamp,
    /// The client that started the session.
    pub client: Client,
}

/// The holder of a session's token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionKind {
    /// An application of the owner, which refreshes it.
    #[default]
    Api,
    /// A browser, in a cookie. Its generation counts how often the user authenticated again.
    Browser,
}

/// A session to start.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// The holder of its token.
    pub kind: SessionKind,
    /// Where it is started.
    pub client: Client,
}

/// A new session, and the changes that come with it.
#[derive(Clone, Debug)]
pub struct StartedSession {
    /// The user, in the next version.
    pub user: User,
    /// The session.
    pub session: Session,
    /// The older sessions that ended.
    pub ended: Vec<SessionId>,
    /// The event.
    pub event: Event,
}

/// A session that ends, and the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session's id.
    pub id: SessionId,
    /// The reason.
    pub reason: SessionEnd,
    /// The family of the device, if the user is notified.
    pub device: Option<DeviceFamily>,
}

impl EndedSession {
    /// Creates the end of a session by its user.
    #[must_use]
    pub const fn by_user(id: SessionId, reason: SessionEnd) -> Self {
        Self { id, reason, device: None }
    }

    /// Creates the end of a session whose old refresh token was reused.
    #[must_use]
    pub fn token_reused(session: &Session) -> Self {
        let user_agent = session.client.user_agent.as_deref();
        let device = user_agent.and_then(DeviceFamily::from_user_agent);
        Self { id: session.id, reason: SessionEnd::TokenReused, device }
    }
}

/// The lifetimes of sessions.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// The lifetime without a refresh.
    pub idle: Duration,
    /// The lifetime in any case.
    pub absolute: Duration,
}

/// The content of an authentic refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The user of the session.
    pub user_id: UserId,
    /// The session.
    pub session_id: SessionId,
    /// The generation of the token.
    pub generation: u64,
}

/// The reason why a refresh is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RefreshError {
    /// The session does not exist or has ended, or the user may not log in.
    #[error("the session has ended")]
    Ended,
    /// The session was idle for too long, or is too old.
    #[error("the session has expired")]
    Expired,
    /// An old token was used after the retry window: one of its two holders is an attacker.
    #[error("the refresh token was used before")]
    Reused,
}

impl Session {
    pub(crate) fn start(new: NewSession, user: &User, limits: &SessionLimits, now: Timestamp) -> Self {
        let expires_at = now.plus(limits.absolute);
        Self {
            id: new.id,
            user_id: user.id,
            generation: 0,
            epoch: user.epoch,
            kind: new.kind,
            created_at: now,
            authenticated_at: now,
            rotated_at: now,
            idle_expires_at: now.plus(limits.idle).min(expires_at),
            expires_at,
            client: new.client,
        }
    }

    /// Returns whether the session has not expired at `now`.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }

    /// Returns when the session ends unless it is refreshed.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }

    /// Judges a token for which the conditional write did not find the expected generation, but this session.
    /// A retry of the previous token within `retry_window` gets the same successor, which is the current
    /// generation.
    ///
    /// # Errors
    /// [`RefreshError`]. After [`RefreshError::Reused`] the caller must end the session.
    pub fn judge(
        &self,
        presented: Presented,
        now: Timestamp,
        retry_window: Duration,
    ) -> Result<(), RefreshError> {
        if !self.is_good_at(now) {
            return Err(RefreshError::Expired);
        }
        judge_generation(presented.generation, self.generation, self.rotated_at, now, retry_window)
    }

    /// Authenticates the user of a browser again. The session keeps its id, and its cookie changes.
    pub(crate) fn reauthenticate(&self, now: Timestamp) -> Self {
        Self { generation: self.generation + 1, authenticated_at: now, ..self.clone() }
    }
}

/// Judges a token of another generation than the current one.
pub(crate) fn judge_generation(
    presented: u64,
    current: u64,
    rotated_at: Timestamp,
    now: Timestamp,
    retry_window: Duration,
) -> Result<(), RefreshError> {
    // A token from the future: the table was restored to an earlier moment.
    if presented >= current {
        return Err(RefreshError::Ended);
    }
    let is_previous = presented + 1 == current;
    if is_previous && !retry_window.is_zero() && now.since(rotated_at) <= retry_window {
        Ok(())
    } else {
        Err(RefreshError::Reused)
    }
}

/// Returns the oldest of the user's sessions that must end to make room for another one.
pub(crate) fn excess(user: &User, present: &[Session], now: Timestamp) -> Vec<SessionId> {
    let mut standing: Vec<_> =
        present.iter().filter(|session| user.admits(session) && session.is_good_at(now)).collect();
    standing.sort_by_key(|session| Reverse(session.created_at));
    standing.iter().skip(MAX_SESSIONS - 1).take(MAX_ENDED).map(|session| session.id).collect()
}
