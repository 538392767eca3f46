//! What administrators do to a user.

use std::time::Duration;

use crate::{Cause, Event, EventKind, StatedReason, Status, User};

impl User {
    /// Keeps the user from signing in until somebody says otherwise, and ends every session. Returns the user one
    /// version on, and the event; `None` if they are suspended.
    #[must_use]
    pub fn suspend(&self, stated_reason: StatedReason, cause: Cause) -> Option<(Self, Event)> {
        if self.status == Status::Suspended {
            return None;
        }
        let (epoch, updated_at) = (self.epoch + 1, cause.occurred_at);
        let suspended = Self { status: Status::Suspended, epoch, updated_at, ..self.clone() };
        let kind = EventKind::UserSuspended { stated_reason: Some(stated_reason) };
        Some(suspended.changed_by(cause, kind))
    }

    /// Lets the user sign in again: whoever was suspended, or was to be erased. Who was suspended before that is so
    /// again first. Returns the user one version on, and the event; `None` if they may.
    #[must_use]
    pub fn reactivate(&self, stated_reason: StatedReason, cause: Cause) -> Option<(Self, Event)> {
        match self.status {
            Status::Active => return None,
            Status::Deleting { was_suspended: true, .. } => {
                return Some(self.cancel_deletion(Some(stated_reason), cause));
            }
            Status::Suspended | Status::Deleting { .. } => {}
        }
        let active = Self { status: Status::Active, updated_at: cause.occurred_at, ..self.clone() };
        let kind = EventKind::UserReactivated { stated_reason: Some(stated_reason) };
        Some(active.changed_by(cause, kind))
    }

    /// Ends every session. Returns the user one version on, and the event.
    #[must_use]
    pub fn sign_out(&self, stated_reason: StatedReason, cause: Cause) -> (Self, Event) {
        let raised = Self { epoch: self.epoch + 1, ..self.clone() };
        raised.changed_by(cause, EventKind::UserSignedOut { stated_reason: Some(stated_reason) })
    }

    /// Ends every session and asks for the user to be erased after `grace`, which logging in does not take
    /// back. Returns the user one version on, and the event.
    #[must_use]
    pub fn delete(&self, grace: Duration, stated_reason: StatedReason, cause: Cause) -> (Self, Event) {
        let erase_at = cause.occurred_at.plus(grace);
        let kind = EventKind::DeletionRequested { erase_at, stated_reason: Some(stated_reason) };
        self.to_be_erased(erase_at, true).changed_by(cause, kind)
    }
}
