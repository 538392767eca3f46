//! Users who move in from another system.

use domain::{Credential, Event, User};

use crate::{CommitError, Erasure, Store, identities::users};

/// The reason why a user is not imported.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum AdmissionRejected {
    /// There is a user with this address.
    #[error("the address is taken")]
    EmailTaken,
    /// There is, or was, a user with this id.
    #[error("the id is taken")]
    IdTaken,
}

impl Store {
    /// Adds a user who comes from elsewhere, with the credential that claims the address; without an
    /// event only if there is to be no trace of it on the bus.
    ///
    /// # Errors
    /// [`AdmissionRejected`], otherwise [`CommitError`].
    pub async fn admit(
        &self,
        user: &User,
        credential: &Credential,
        event: Option<Event>,
    ) -> Result<(), CommitError<AdmissionRejected>> {
        let writes = users::additions(user, credential).chain(Erasure::of(user).map(Erasure::note));
        let committed = match event {
            Some(event) => self.answering(None).commit(writes, &event).await,
            None => self.commit_silently(writes).await,
        };
        let is_claimed = |unmet: &[usize]| unmet.contains(&users::ADDED_CREDENTIAL);
        committed.map_err(|error| {
            error.because(|unmet| {
                Some(if is_claimed(unmet) {
                    AdmissionRejected::EmailTaken
                } else {
                    AdmissionRejected::IdTaken
                })
            })
        })
    }
}
