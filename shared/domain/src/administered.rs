//! Actions of administrators on a user.

use std::time::Duration;

use crate::{EventContext, EventKind, StatedReason, Status, Timestamp, Transition, User};

impl Status {
    /// Returns when the user is to be erased, if that is pending.
    const fn pending_erasure(self) -> Option<Timestamp> {
        match self {
            Self::Deleting { erase_at, .. } => Some(erase_at),
            Self::Active | Self::Suspended => None,
        }
    }

    /// Returns the status with or without a suspension. A pending erasure stays.
    const fn with_suspension(self, is_suspended: bool) -> Self {
        match self {
            Self::Deleting { erase_at, is_final, .. } => {
                Self::Deleting { erase_at, is_final, was_suspended: is_suspended }
            }
            Self::Active | Self::Suspended if is_suspended => Self::Suspended,
            Self::Active | Self::Suspended => Self::Active,
        }
    }
}

impl User {
    /// Suspends the user and ends every session. A pending erasure keeps its date, and logging in no longer
    /// cancels it. Returns `None` if the user is already suspended.
    #[must_use]
    pub fn suspend(&self, stated_reason: StatedReason, context: EventContext) -> Option<Transition> {
        if self.is_suspended() {
            return None;
        }
        let (epoch, updated_at) = (self.epoch + 1, context.occurred_at);
        let suspended = Self { status: self.status.with_suspension(true), epoch, updated_at, ..self.clone() };
        let erase_at = suspended.status.pending_erasure();
        let kind = EventKind::UserSuspended { erase_at, stated_reason: Some(stated_reason) };
        Some(self.change(suspended, context, kind))
    }

    /// Lifts a suspension, or cancels a deletion by an administrator. A user who was suspended before they
    /// were deleted is suspended again first. A deletion that the user requested stays. Returns `None` if
    /// nothing changes.
    #[must_use]
    pub fn reactivate(&self, stated_reason: StatedReason, context: EventContext) -> Option<Transition> {
        let status = match self.status {
            Status::Active | Status::Deleting { is_final: false, was_suspended: false, .. } => return None,
            Status::Deleting { is_final: true, was_suspended: true, .. } => {
                return Some(self.cancel_deletion(Some(stated_reason), context));
            }
            Status::Deleting { is_final: false, .. } => self.status.with_suspension(false),
            Status::Suspended | Status::Deleting { .. } => Status::Active,
        };
        let active = Self { status, updated_at: context.occurred_at, ..self.clone() };
        let erase_at = status.pending_erasure();
        let kind = EventKind::UserReactivated { erase_at, stated_reason: Some(stated_reason) };
        Some(self.change(active, context, kind))
    }

    /// Ends every session of the user.
    #[must_use]
    pub fn sign_out(&self, stated_reason: StatedReason, context: EventContext) -> Transition {
        let raised = Self { epoch: self.epoch + 1, ..self.clone() };
        self.change(raised, context, EventKind::UserSignedOut { stated_reason: Some(stated_reason) })
    }

    /// Ends every session and schedules the erasure after `grace`, or at the date of the user's own request.
    /// Logging in does not cancel it.
    #[must_use]
    pub fn delete(&self, grace: Duration, stated_reason: StatedReason, context: EventContext) -> Transition {
        let erase_at = match self.status {
            Status::Deleting { erase_at, .. } => erase_at,
            Status::Active | Status::Suspended => context.occurred_at.plus(grace),
        };
        let kind = EventKind::DeletionRequested { erase_at, stated_reason: Some(stated_reason) };
        self.change(self.to_be_erased(erase_at, true), context, kind)
    }
}
