//! Decided changes that are not committed yet.

use crate::{Credential, Event, User};

/// A change of a user or a role: the state that was read, the next state, and the event.
#[derive(Clone, Debug)]
pub struct Transition<T = User> {
    /// The state that the decision is based on.
    pub before: T,
    /// The next state.
    pub after: T,
    /// The event of the change.
    pub event: Event,
}

/// A change of a user that also replaces the credential.
#[derive(Clone)]
pub struct CredentialTransition {
    /// The change of the user.
    pub user: Transition,
    /// The credential that the decision is based on.
    pub before: Credential,
    /// The credential that replaces it.
    pub after: Credential,
}
