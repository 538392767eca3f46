//! Erases one user from both tables.

use cloud::{Clock, Cloud, Random, SettingError};
use domain::{Actor, EventContext, Id, Stream, User};
use store::{CommitError, Erasure, History, Store, StoreError};

/// Erases users from the tables.
pub struct Erasing {
    store: Store,
    history: History,
    clock: Clock,
    random: Random,
}

impl Erasing {
    /// Creates the eraser from the settings.
    ///
    /// # Errors
    /// If a setting is missing or unusable.
    pub fn new(cloud: &Cloud) -> Result<Self, SettingError> {
        let store = Store::new(cloud)?;
        let history = History::new(cloud, store.identities())?;
        Ok(Self { store, history, clock: cloud.clock(), random: cloud.random() })
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    /// Returns whether this call has erased the user. The user's item is erased last, so a retry finds
    /// everything again.
    ///
    /// # Errors
    /// If the tables do not answer.
    pub async fn erase(&self, erasure: Erasure, invocation: &str) -> Result<bool, StoreError> {
        let identities = self.store.identities();
        let Some(user) = self.waiting(erasure).await? else { return Ok(false) };
        let registration = Id::from_uuid(user.id.uuid());
        tokio::try_join!(
            identities.delete_records(user.id),
            self.history.redact(Stream::User(user.id)),
            self.history.redact(Stream::Registration(registration)),
        )?;
        let credential = identities.credential(user.email.canonical()).await?;
        let credential = credential.filter(|credential| credential.user_id == user.id);

        let (tombstone, event) = user.erase(self.cause(&user, invocation));
        let store = self.store.answering(None);
        match store.erase(&tombstone, erasure, credential.as_ref(), &event).await {
            Ok(()) => Ok(true),
            // Another run was faster, or the user logged in at the last moment, by the clock of that
            // function.
            Err(CommitError::Conflict) if self.waiting(erasure).await?.is_none() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the user, if this erasure is still due for them.
    async fn waiting(&self, erasure: Erasure) -> Result<Option<User>, StoreError> {
        let user = self.store.identities().user(erasure.user_id).await?;
        Ok(user.filter(|user| Erasure::of(user) == Some(erasure)))
    }

    /// Returns the context of the erasure. The actor is the user, who asked for it.
    fn cause(&self, user: &User, invocation: &str) -> EventContext {
        let occurred_at = self.clock.now();
        EventContext {
            event_id: self.random.id(occurred_at),
            occurred_at,
            actor: Actor::User(user.id),
            correlation_id: invocation.to_owned(),
            traceparent: None,
        }
    }
}
