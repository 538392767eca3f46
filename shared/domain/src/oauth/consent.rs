//! Consents of users to clients.

use super::{ClientId, Scope};
use crate::{EventContext, EventKind, Timestamp, Transition, User, UserId};

/// The consent of a user to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The user.
    pub user_id: UserId,
    /// The client.
    pub client_id: ClientId,
    /// The allowed scope.
    pub scope: Scope,
    /// The time at which the user last allowed something.
    pub granted_at: Timestamp,
    /// Grants from before this time have ended.
    pub not_before: Timestamp,
}

impl Consent {
    /// Returns whether the user has allowed everything in `scope`.
    #[must_use]
    pub fn covers(&self, scope: &Scope) -> bool {
        scope.is_within(&self.scope)
    }

    /// Allows `scope` in addition to what the user has allowed before.
    #[must_use]
    pub fn grant(
        before: Option<&Self>,
        user: &User,
        client_id: &ClientId,
        scope: &Scope,
        context: EventContext,
    ) -> (Self, Transition) {
        let now = context.occurred_at;
        let consent = Self {
            user_id: user.id,
            client_id: client_id.clone(),
            scope: before.map_or_else(|| scope.clone(), |before| before.scope.union(scope)),
            granted_at: now,
            not_before: before.map_or(now, |before| before.not_before),
        };
        let kind =
            EventKind::ConsentGranted { client_id: client_id.clone(), scope: consent.scope.to_string() };
        let transition = user.change_own(user.clone(), context, kind);
        (consent, transition)
    }

    /// Withdraws everything, which ends the client's grants of the user.
    #[must_use]
    pub fn withdraw(&self, user: &User, context: EventContext) -> (Self, Transition) {
        let consent = Self { scope: Scope::default(), not_before: context.occurred_at, ..self.clone() };
        let kind = EventKind::ConsentWithdrawn { client_id: self.client_id.clone() };
        let transition = user.change_own(user.clone(), context, kind);
        (consent, transition)
    }
}
