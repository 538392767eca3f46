//! Requests for a link to choose a new password.

use std::time::Duration;

use crate::{
    CanonicalEmail, Email, Event, EventContext, EventKind, ResetId, StatedReason, Stream, Timestamp,
    Transition, User,
};

/// Somebody asks for a link to choose a new password. Whether there is such a user is found out
/// behind the bus, so that the answer and its time cannot tell.
#[derive(Clone, Debug)]
pub struct PasswordResetRequest {
    /// Which request it is.
    pub id: ResetId,
    /// The address that it names.
    pub email: CanonicalEmail,
    /// When it stops mattering.
    pub expires_at: Timestamp,
}

impl PasswordResetRequest {
    /// Takes a request, good for `lifetime`. Returns it and its event.
    #[must_use]
    pub fn new(id: ResetId, email: &Email, lifetime: Duration, context: EventContext) -> (Self, Event) {
        let expires_at = context.occurred_at.plus(lifetime);
        let kind = EventKind::PasswordResetRequested {};
        let event = Event { stream: Stream::Reset(id), sequence: 1, context, kind };
        (Self { id, email: email.canonical().clone(), expires_at }, event)
    }
}

impl User {
    /// Requests a mail with a link by which the user chooses a new password, or the first one.
    #[must_use]
    pub fn request_password_reset(&self, stated_reason: StatedReason, context: EventContext) -> Transition {
        let kind = EventKind::UserPasswordResetRequested { stated_reason: Some(stated_reason) };
        self.change(self.clone(), context, kind)
    }
}
