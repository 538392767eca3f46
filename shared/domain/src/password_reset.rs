//! Requests for password reset links.

use std::time::Duration;

use crate::{
    CanonicalEmail, Email, Event, EventContext, EventKind, ResetId, StatedReason, Stream, Timestamp,
    Transition, User,
};

/// A request for a password reset link. A consumer of the event looks up the user, so that neither the
/// response nor its timing reveals whether there is one.
#[derive(Clone, Debug)]
pub struct PasswordResetRequest {
    /// The id of the request.
    pub id: ResetId,
    /// The address in the request.
    pub email: CanonicalEmail,
    /// The time at which the request expires.
    pub expires_at: Timestamp,
}

impl PasswordResetRequest {
    /// Creates a request that expires after `lifetime`. Returns the request and its event.
    #[must_use]
    pub fn new(id: ResetId, email: &Email, lifetime: Duration, context: EventContext) -> (Self, Event) {
        let expires_at = context.occurred_at.plus(lifetime);
        let kind = EventKind::PasswordResetRequested {};
        let event = Event { stream: Stream::Reset(id), sequence: 1, context, kind };
        (Self { id, email: email.canonical().clone(), expires_at }, event)
    }
}

impl User {
    /// Requests a mail with a link, with which the user chooses a new or the first password.
    #[must_use]
    pub fn request_password_reset(&self, stated_reason: StatedReason, context: EventContext) -> Transition {
        let kind = EventKind::UserPasswordResetRequested { stated_reason: Some(stated_reason) };
        self.change(self.clone(), context, kind)
    }
}
