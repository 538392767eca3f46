//! Grants of users to clients. A grant stands until its user, session, consent or client ends it.

use std::time::Duration;

use serde::Serialize;
use thiserror::Error;

use super::{Client, ClientId, Consent, Scope};
use crate::{
    EventContext, EventKind, GrantId, RefreshError, Session, SessionId, SessionLimits, Status, Timestamp,
    Transition, User, UserId, session,
};

/// The grant of a user to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Its id, which its code names.
    pub id: GrantId,
    /// The user.
    pub user_id: UserId,
    /// The browser session that it was started from.
    pub session_id: SessionId,
    /// The client.
    pub client_id: ClientId,
    /// How often it was refreshed; the refresh token of this generation is the current one.
    pub generation: u64,
    /// The scope.
    pub scope: Scope,
    /// The session epoch of the user, for a grant that outlives its session.
    pub offline_epoch: Option<u64>,
    /// The time at which the user last authenticated before it was started.
    pub authenticated_at: Timestamp,
    /// The time at which its code was redeemed.
    pub created_at: Timestamp,
    /// The time at which it was last refreshed.
    pub rotated_at: Timestamp,
    /// The time at which it ends if it is not refreshed before.
    pub idle_expires_at: Timestamp,
    /// The time at which it ends in any case.
    pub expires_at: Timestamp,
    /// The time at which it was ended by itself.
    pub ended_at: Option<Timestamp>,
}

/// A grant to start.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// Its id.
    pub id: GrantId,
    /// The client.
    pub client_id: ClientId,
    /// The scope.
    pub scope: Scope,
}

/// A grant that was started, and the change of its user.
#[derive(Clone, Debug)]
pub struct StartedGrant {
    /// The grant.
    pub grant: Grant,
    /// The user, one version on.
    pub user: Transition,
}

/// The reason why a grant ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum GrantEnd {
    /// The client revoked one of its tokens.
    Revoked,
    /// Its code was used again.
    CodeReused,
    /// One of its refresh tokens was used again.
    TokenReused,
}

/// The grant does not stand.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the grant has ended")]
pub struct GrantRefused;

/// The content of a genuine refresh token of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedGrant {
    /// The user.
    pub user_id: UserId,
    /// The browser session.
    pub session_id: SessionId,
    /// The grant.
    pub grant_id: GrantId,
    /// The generation that the token was made for.
    pub generation: u64,
}

impl Grant {
    /// Starts a grant. With the scope `offline_access` it outlives the session.
    #[must_use]
    pub fn start(
        new: NewGrant,
        user: &User,
        session: &Session,
        lifetimes: &SessionLimits,
        context: EventContext,
    ) -> StartedGrant {
        let now = context.occurred_at;
        let is_offline = new.scope.has(Scope::OFFLINE_ACCESS);
        let expires_at = if is_offline { now.plus(lifetimes.absolute) } else { session.expires_at };
        let kind = EventKind::GrantStarted {
            grant_id: new.id,
            client_id: new.client_id.clone(),
            session_id: session.id,
            scope: new.scope.to_string(),
            offline: is_offline,
        };
        let grant = Self {
            id: new.id,
            user_id: user.id,
            session_id: session.id,
            client_id: new.client_id,
            generation: 0,
            scope: new.scope,
            offline_epoch: is_offline.then_some(user.epoch),
            authenticated_at: session.authenticated_at,
            created_at: now,
            rotated_at: now,
            idle_expires_at: now.plus(lifetimes.idle).min(expires_at),
            expires_at,
            ended_at: None,
        };
        StartedGrant { user: user.change_own(user.clone(), context, kind), grant }
    }

    /// Judges whether the grant stands: the one place where this is decided.
    ///
    /// # Errors
    /// [`GrantRefused`] if the grant, or something that it hangs on, has ended.
    pub fn judge(
        &self,
        user: &User,
        session: Option<&Session>,
        consent: Option<&Consent>,
        client: &Client,
        now: Timestamp,
    ) -> Result<(), GrantRefused> {
        let has_user = user.id == self.user_id && user.status == Status::Active;
        let is_current = self.ended_at.is_none() && now < self.ends_at();
        let has_client = client.id == self.client_id
            && client.deleted_at.is_none()
            && self.created_at >= client.not_before
            && self.scope.is_within(&client.scope);
        let has_consent = match consent {
            Some(consent) => {
                self.created_at >= consent.not_before
                    && (client.is_first_party || consent.covers(&self.scope))
            }
            None => client.is_first_party,
        };
        let has_session = match self.offline_epoch {
            Some(epoch) => epoch == user.epoch,
            None => session.is_some_and(|session| {
                session.id == self.session_id && user.admits(session) && session.is_good_at(now)
            }),
        };
        if has_user && is_current && has_client && has_consent && has_session {
            Ok(())
        } else {
            Err(GrantRefused)
        }
    }

    /// Judges a refresh token for which the one conditional write found something else than it needs, as
    /// [`Session::judge`] does.
    ///
    /// # Errors
    /// [`RefreshError`], which for [`RefreshError::Reused`] obliges the caller to end the grant.
    pub fn judge_refresh(
        &self,
        presented: PresentedGrant,
        now: Timestamp,
        retry_window: Duration,
    ) -> Result<(), RefreshError> {
        if self.ended_at.is_some() {
            return Err(RefreshError::Ended);
        }
        if now >= self.ends_at() {
            return Err(RefreshError::Expired);
        }
        session::judge_generation(presented.generation, self.generation, self.rotated_at, now, retry_window)
    }

    /// Ends the grant.
    #[must_use]
    pub fn end(&self, reason: GrantEnd, user: &User, context: EventContext) -> Transition {
        let kind = EventKind::GrantEnded { grant_id: self.id, client_id: self.client_id.clone(), reason };
        user.change_own(user.clone(), context, kind)
    }

    /// Returns the time at which it ends if it is not refreshed before.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.idle_expires_at.min(self.expires_at)
    }
}
