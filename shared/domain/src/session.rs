//! Sessions: how somebody stays signed in.

use std::{cmp::Reverse, time::Duration};

use thiserror::Error;

use crate::{Client, DeviceFamily, Event, SessionEnd, SessionId, Timestamp, User, UserId};

/// The sessions that a user has at most.
const MAX_SESSIONS: usize = 50;
/// The sessions that one log-in ends at most: a transaction has room for 100 items.
const MAX_ENDED: usize = 25;

/// A session. It holds no secret: the refresh token is a MAC over its ids and generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The session's id.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// How often it was refreshed; the refresh token of this generation is the current one.
    pub generation: u64,
    /// The user's session epoch when it started.
    pub epoch: u64,
    /// When the user logged in.
    pub created_at: Timestamp,
    /// When it was last refreshed.
    pub rotated_at: Timestamp,
    /// When it ends if it is not refreshed before.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// Where it was started.
    pub client: Client,
}

/// A session that was started, and what changed with it.
#[derive(Clone, Debug)]
pub struct StartedSession {
    /// The user, one version on.
    pub user: User,
    /// The session.
    pub session: Session,
    /// The older sessions that ended.
    pub ended: Vec<SessionId>,
    /// The event.
    pub event: Event,
}

/// A session that ends, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// The session's id.
    pub id: SessionId,
    /// Why it ends.
    pub reason: SessionEnd,
    /// The family of the device, if the owner is to be told.
    pub device: Option<DeviceFamily>,
}

impl EndedSession {
    /// A session that its user ends.
    #[must_use]
    pub const fn by_user(id: SessionId, reason: SessionEnd) -> Self {
        Self { id, reason, device: None }
    }

    /// A session of which an old refresh token was used again.
    #[must_use]
    pub fn token_reused(session: &Session) -> Self {
        let user_agent = session.client.user_agent.as_deref();
        let device = user_agent.and_then(DeviceFamily::from_user_agent);
        Self { id: session.id, reason: SessionEnd::TokenReused, device }
    }
}

/// How long sessions live.
#[derive(Clone, Copy, Debug)]
pub struct SessionLimits {
    /// Without a refresh.
    pub idle: Duration,
    /// In any case.
    pub absolute: Duration,
}

/// What a genuine refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// Whose session it is for.
    pub user_id: UserId,
    /// Which session it is for.
    pub session_id: SessionId,
    /// The generation that it was made for.
    pub generation: u64,
}

/// Why a refresh is refused.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RefreshRefused {
    /// There is no such session (any more), or the user may not sign in.
    #[error("the session has ended")]
    Ended,
    /// The session was idle too long, or is too old.
    #[error("the session has expired")]
    Expired,
    /// The token was used before, and not just now: one of its two holders is a thief.
    #[error("the refresh token was used before")]
    Reused,
}

impl Session {
    pub(crate) fn start(
        id: SessionId,
        user: &User,
        limits: &SessionLimits,
        client: Client,
        now: Timestamp,
    ) -> Self {
        let expires_at = now.plus(limits.absolute);
        Self {
            id,
            user_id: user.id,
            generation: 0,
            epoch: user.epoch,
            created_at: now,
            rotated_at: now,
            idle_expires_at: now.plus(limits.idle).min(expires_at),
            expires_at,
            client,
        }
    }

    /// Whether it can still be refreshed at `now`, as far as time is concerned.
    #[must_use]
    pub fn is_good_at(&self, now: Timestamp) -> bool {
        now < self.ends_at()
    }

    /// When it ends if it is not refreshed before.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }

    /// Judges a token for which the one conditional write found something else than it needs
    /// (this session). A retry of the immediately previous token within `retry_window` gets the
    /// same successor again, which is the current generation by construction.
    ///
    /// # Errors
    /// [`RefreshRefused`], which for [`RefreshRefused::Reused`] obliges the caller to end the session.
    pub fn judge(
        &self,
        presented: Presented,
        now: Timestamp,
        retry_window: Duration,
    ) -> Result<(), RefreshRefused> {
        if !self.is_good_at(now) {
            return Err(RefreshRefused::Expired);
        }
        // A token from the future: the table was restored to an earlier moment. Nobody stole it.
        if presented.generation >= self.generation {
            return Err(RefreshRefused::Ended);
        }
        let is_previous = presented.generation + 1 == self.generation;
        if is_previous && !retry_window.is_zero() && now.since(self.rotated_at) <= retry_window {
            Ok(())
        } else {
            Err(RefreshRefused::Reused)
        }
    }
}

/// Returns the oldest of the user's sessions, so many that there is room for another one.
pub(crate) fn excess(user: &User, present: &[Session], now: Timestamp) -> Vec<SessionId> {
    let mut standing: Vec<_> =
        present.iter().filter(|session| user.admits(session) && session.is_good_at(now)).collect();
    standing.sort_by_key(|session| Reverse(session.created_at));
    standing.iter().skip(MAX_SESSIONS - 1).take(MAX_ENDED).map(|session| session.id).collect()
}
