//! Users, and the credentials that claim their addresses.

use domain::{CanonicalEmail, Credential, Email, Event, LinkHash, RegistrationId, Transition, User, UserId};

use crate::{
    ClaimRejected, Commands, CommitError, EmailTaken, Identities, LastAdministrator, LinkSpent, StoreError,
    dynamodb::{attributes::text, item::Item},
    identities::{
        administrators,
        credential_item::{self, CredentialItem, FormerEmailItem, OwnerItem},
        erasures, keys, pictures, registrations, user_index,
        user_item::{self, REPLACED_COUNT},
    },
    transaction::write::Write,
};

impl Commands<'_> {
    /// Turns a registration into a user: claims the address, adds the user, and consumes the link.
    ///
    /// # Errors
    /// [`ClaimRejected`], otherwise [`CommitError`].
    pub async fn claim(
        &self,
        registration: RegistrationId,
        link: &LinkHash,
        user: &User,
        credential: &Credential,
        event: &Event,
    ) -> Result<(), CommitError<ClaimRejected>> {
        const CREDENTIAL: usize = 0;
        let consumed = registrations::consume(registration, link, event.context.occurred_at);
        let committed =
            self.commit([credential_item::claim(credential), user_item::add(user), consumed], event).await;
        // The later of two requests with the same link finds all conditions unmet: its link is spent.
        committed.map_err(|error| {
            error.because(|unmet| {
                Some(if unmet == [CREDENTIAL] { EmailTaken.into() } else { LinkSpent.into() })
            })
        })
    }

    /// Adds a user, with the credential that claims the address.
    ///
    /// # Errors
    /// [`EmailTaken`], otherwise [`CommitError`].
    pub async fn add_user(
        &self,
        user: &User,
        credential: &Credential,
        event: &Event,
    ) -> Result<(), CommitError<EmailTaken>> {
        let committed = self.commit(additions(user, credential), event).await;
        // If another condition is unmet as well, the command is decided again.
        committed.map_err(|error| error.because(|unmet| (unmet == [ADDED_CREDENTIAL]).then_some(EmailTaken)))
    }

    /// Replaces a user of whom only the profile differs.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn update_user(&self, update: &Transition) -> Result<(), CommitError> {
        let writes = user_item::replace(update).chain(pictures::removal(update));
        self.commit(writes, &update.event).await.map_err(CommitError::conflict)
    }

    /// Replaces a user who may differ in anything: also writes the roles by which the user is found, and the
    /// pending erasure.
    ///
    /// # Errors
    /// [`LastAdministrator`], otherwise [`CommitError`].
    pub async fn change_user(&self, change: &Transition) -> Result<(), CommitError<LastAdministrator>> {
        let Transition { before, after, event } = change;
        let is_counted = before.is_administrator() != after.is_administrator();
        let writes = user_item::replace(change).chain(user_index::role_writes(&before.roles, after));
        let writes = writes.chain(erasures::writes(before, after)).chain(pictures::removal(change));
        let committed = self.commit(writes, event).await;
        // If another condition is unmet as well, the command is decided again.
        let is_last = |unmet: &[usize]| is_counted && unmet == [REPLACED_COUNT];
        committed.map_err(|error| error.because(|unmet| is_last(unmet).then_some(LastAdministrator)))
    }
}

impl Identities {
    /// The user `id`; none once they were erased.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let item = self.get(keys::user(id)).await?;
        Ok(item
            .filter(|item| !user_item::is_tombstone(item))
            .map(|item| user_item::parse(id, item))
            .transpose()?)
    }

    /// The credential that claims an address.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn credential(&self, email: &CanonicalEmail) -> Result<Option<Credential>, StoreError> {
        let item = self.find::<CredentialItem>(keys::credential(email)).await?;
        Ok(item.map(|item| item.credential(email)))
    }

    /// Whose an address is, without the hash that proves it: who asks has no right to read that.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn owner(&self, email: &CanonicalEmail) -> Result<Option<UserId>, StoreError> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let get = get.set_key(Some(keys::credential(email))).projection_expression("user_id");
        let answer = get.send().await.map_err(|error| StoreError::of("GetItem", error))?;
        Ok(answer.item.map(OwnerItem::read).transpose()?.map(|item| item.user_id.0))
    }

    /// The address that the user had until the change of this version, or the first after it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn former_email(&self, user: UserId, version: u64) -> Result<Option<Email>, StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(1)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(keys::user_pk(user)))
            .expression_attribute_values(":from", text(keys::former_email_sk(version)))
            .expression_attribute_values(":to", text(keys::former_email_sk(u64::MAX)));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let first = answer.items.unwrap_or_default().into_iter().next();
        Ok(first.map(FormerEmailItem::read).transpose()?.map(|item| item.email.0))
    }
}

/// Where the credential is among the [`additions`].
pub(crate) const ADDED_CREDENTIAL: usize = 0;

/// Adds a user, who is found by their roles, claims the address, and keeps the count of administrators.
pub(crate) fn additions(user: &User, credential: &Credential) -> impl Iterator<Item = Write> {
    let count = administrators::count_administrators(false, user.is_administrator());
    [credential_item::claim(credential), user_item::add(user)]
        .into_iter()
        .chain(user_index::role_writes(&[], user))
        .chain(count)
}
