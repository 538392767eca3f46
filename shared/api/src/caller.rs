//! Callers. A use case receives its caller as a value that only the check can create:
//! [`Anonymous`] needs no token, [`crate::Authenticated`] an active session, and [`crate::Authorized`] also a
//! permission.

use std::future::Future;

use cloud::{Cloud, SettingError};
use domain::{Actor, EventContext, Receipt, UserId};
use store::Identities;

use crate::{Admission, Answer, Error, Head, ProblemType, stored_response::Replay};

/// The caller of a use case.
pub trait Caller: Sized + Send {
    /// The check of the token: nothing, or the keys.
    type Gate: Send + Sync;
    /// Whether the caller presents an access token.
    const TAKES_TOKEN: bool;
    /// The reasons why a caller is refused.
    const PROBLEMS: &'static [ProblemType];

    /// Creates the gate for callers in `identities`.
    ///
    /// # Errors
    /// If a setting is missing.
    fn gate(cloud: &Cloud, identities: &Identities) -> Result<Self::Gate, SettingError>;

    /// Verifies the token of the request.
    fn admit(gate: &Self::Gate, head: Head) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Returns the check of the caller against the tables, which must succeed before the response is sent;
    /// `None` if there is nothing to check.
    fn admission(&self) -> Option<Admission>;

    /// Returns the request.
    fn head(&mut self) -> &mut Head;

    /// Returns the user, if the caller is known.
    fn user_id(&self) -> Option<UserId>;

    /// Prepares the gate for the first request.
    fn warm(_gate: &Self::Gate) -> impl Future<Output = ()> + Send {
        async {}
    }
}

/// An unauthenticated caller.
pub struct Anonymous {
    /// The request.
    pub head: Head,
}

impl Anonymous {
    /// Returns the context of the request's event, which is the same for each attempt.
    #[must_use]
    pub fn context(&self) -> EventContext {
        self.head.context(Actor::Anonymous)
    }

    /// Returns the response to store with the change; `None` if the request has no idempotency key.
    #[must_use]
    pub fn receipt(&self, answer: &impl Answer) -> Option<Receipt> {
        self.head.receipt(answer, Replay::Always)
    }
}

impl Caller for Anonymous {
    type Gate = ();
    const TAKES_TOKEN: bool = false;
    const PROBLEMS: &'static [ProblemType] = &[];

    fn gate(_cloud: &Cloud, _identities: &Identities) -> Result<(), SettingError> {
        Ok(())
    }

    async fn admit(_gate: &(), head: Head) -> Result<Self, Error> {
        Ok(Self { head })
    }

    fn admission(&self) -> Option<Admission> {
        None
    }

    fn head(&mut self) -> &mut Head {
        &mut self.head
    }

    fn user_id(&self) -> Option<UserId> {
        None
    }
}
