//! After a restore to an earlier moment: nobody goes on as they were afterwards.

use domain::{Purpose, Transition, User};

use crate::{
    Commands, CommitError, EventKey, Store, StoreError,
    dynamodb::attributes::text_of,
    identities::{links, user_item},
    outbox::{event::event_key, event_item},
};

impl Commands<'_> {
    /// Replaces a user whose sessions have all ended, and takes every link back: each may have been used after the
    /// moment to which the tables were restored.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn restore_user(&self, restored: &Transition) -> Result<(), CommitError> {
        // A link to choose a new password ends with the sessions.
        let take_back = links::take_back(restored.after.id, Purpose::VerifyEmailChange);
        let writes = user_item::replace(restored).chain([take_back]);
        self.commit(writes, &restored.event).await.map_err(CommitError::conflict)
    }
}

impl Store {
    /// Whether [`Commands::restore_user`] was the last that happened to a user, under the present epoch of
    /// events.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn is_restored(&self, user: &User) -> Result<bool, StoreError> {
        let key = EventKey { stream: format!("user#{}", user.id), sequence: user.version };
        let get = self
            .identities()
            .dynamodb
            .get_item()
            .table_name(self.events_table())
            .consistent_read(true)
            .set_key(Some(event_key(&key)));
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        let Some(item) = answer.item else { return Ok(false) };
        let is_of_it = text_of(&item, "detail_type") == Some("user.restored");
        Ok(is_of_it && event_item::event_epoch(&item) == Some(self.event_epoch()))
    }
}
