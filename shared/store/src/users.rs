//! Users, and the credentials that claim their addresses.

use domain::{
    CanonicalEmail, Credential, Email, Event, LinkHash, PasswordHash, RegistrationId, Tombstone, Transition,
    User, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    ClaimRejected, CommitError, EmailTaken, Identities, LastAdministrator, LinkSpent, MalformedItem,
    StoreError, administrators,
    attributes::{self, Attributes, number, text, text_of, values},
    erasures,
    items::{self, Item, Millis, Text, TombstoneItem, Ttl, UserItem},
    listing, pictures, registrations,
    transaction::{Commands, Write},
};

pub(crate) const SK: &str = "USER";
/// Set on users who have no password and were not invited. Older items lack it.
pub(crate) const NO_PASSWORD: &str = "no_password";
/// The status of a tombstone.
pub(crate) const ERASED: &str = "erased";

/// The partition of everything that is the user's own.
pub(crate) fn pk(id: UserId) -> String {
    format!("USER#{id}")
}

pub(crate) fn key(id: UserId) -> Attributes {
    attributes::key(pk(id), SK)
}

pub(crate) fn credential_key(email: &CanonicalEmail) -> Attributes {
    attributes::key(format!("EMAIL#{email}"), "CREDENTIAL")
}

/// Sorts by version.
pub(crate) fn former_email_sk(version: u64) -> String {
    format!("FORMER_EMAIL#{version:020}")
}

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
        let committed = self.commit([self::claim(credential), add(user), consumed], event).await;
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
        let writes = replace(update).chain(pictures::removal(update));
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
        let writes = replace(change).chain(listing::role_writes(&before.roles, after));
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
        let item = self.get(key(id)).await?;
        Ok(item.filter(|item| !is_tombstone(item)).map(|item| parse(id, item)).transpose()?)
    }

    /// The credential that claims an address.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn credential(&self, email: &CanonicalEmail) -> Result<Option<Credential>, StoreError> {
        let item = self.find::<CredentialItem>(credential_key(email)).await?;
        Ok(item.map(|item| item.credential(email)))
    }

    /// Whose an address is, without the hash that proves it: who asks has no right to read that.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn owner(&self, email: &CanonicalEmail) -> Result<Option<UserId>, StoreError> {
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let get = get.set_key(Some(credential_key(email))).projection_expression("user_id");
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
            .expression_attribute_values(":pk", text(pk(user)))
            .expression_attribute_values(":from", text(former_email_sk(version)))
            .expression_attribute_values(":to", text(former_email_sk(u64::MAX)));
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let first = answer.items.unwrap_or_default().into_iter().next();
        Ok(first.map(FormerEmailItem::read).transpose()?.map(|item| item.email.0))
    }
}

/// Moves a user one version on, if nothing else has: the version of its event is the lock.
pub(crate) fn advance(user: &User) -> Write {
    let values = values([
        (":version", number(user.version)),
        (":before", number(user.version - 1)),
        (":epoch", number(user.epoch)),
        (":status", text(user.status.to_string())),
    ]);
    Write::update(key(user.id), "SET version = :version")
        // `status` is a reserved word; its place in the item is what the decision was made on.
        .only_if("version = :before AND epoch = :epoch AND #status = :status")
        .named("#status", "status")
        .with(values)
}

/// The position of the count of administrators among the writes of [`replace`], if it changes.
const REPLACED_COUNT: usize = 1;

/// Replaces a user by the same user one version on, if nothing else has changed them, and keeps the count of
/// administrators.
pub(crate) fn replace(change: &Transition) -> impl Iterator<Item = Write> + use<> {
    let Transition { before, after, .. } = change;
    let put = Write::put(user_item(after))
        .only_if("version = :before")
        .with(values([(":before", number(after.version - 1))]));
    let count = administrators::count_administrators(before.is_administrator(), after.is_administrator());
    [Some(put), count].into_iter().flatten()
}

/// Puts what is left in the place of a user, if nothing else has changed them.
pub(crate) fn bury(tombstone: &Tombstone) -> Write {
    let item = items::write(key(tombstone.id), &TombstoneItem::from(*tombstone));
    let before = values([(":before", number(tombstone.version - 1))]);
    Write::put(item).only_if("version = :before").with(before)
}

pub(crate) fn is_tombstone(item: &Attributes) -> bool {
    text_of(item, "status") == Some(ERASED)
}

/// Whether an item of a user's partition is the user.
pub(crate) fn is_user(key: &Attributes) -> bool {
    text_of(key, "sk") == Some(SK)
}

/// Where the credential is among the [`additions`].
pub(crate) const ADDED_CREDENTIAL: usize = 0;

/// Adds a user, who is found by their roles, claims the address, and keeps the count of administrators.
pub(crate) fn additions(user: &User, credential: &Credential) -> impl Iterator<Item = Write> {
    let count = administrators::count_administrators(false, user.is_administrator());
    [claim(credential), add(user)].into_iter().chain(listing::role_writes(&[], user)).chain(count)
}

/// Adds a user.
pub(crate) fn add(user: &User) -> Write {
    Write::put(user_item(user)).only_if("attribute_not_exists(pk)")
}

/// Claims an address, if nobody has.
pub(crate) fn claim(credential: &Credential) -> Write {
    Write::put(credential_item(credential)).only_if("attribute_not_exists(pk)")
}

/// Replaces a credential, if it is still the one that was read.
pub(crate) fn replace_credential(before: &Credential, after: &Credential) -> Write {
    Write::put(credential_item(after)).only_if(UNCHANGED).with(unchanged(before))
}

/// Gives a claim up, if it is still the one that was read.
pub(crate) fn give_up(before: &Credential) -> Write {
    Write::delete(credential_key(&before.email)).only_if(UNCHANGED).with(unchanged(before))
}

const UNCHANGED: &str = "user_id = :user AND password_hash = :before";

fn unchanged(credential: &Credential) -> Attributes {
    let hash = &credential.password_hash.phc;
    values([(":user", text(credential.user_id.to_string())), (":before", text(hash))])
}

/// Replaces a password's hash by a better one of the same password.
pub(crate) fn rehash(email: &CanonicalEmail, before: &PasswordHash, after: &PasswordHash) -> Write {
    let values = values([
        (":before", text(&before.phc)),
        (":after", text(&after.phc)),
        (":pepper", text(&after.pepper_id)),
    ]);
    Write::update(credential_key(email), "SET password_hash = :after, pepper_id = :pepper")
        .only_if("password_hash = :before")
        .with(values)
}

/// Returns the user of an item in the user's partition.
pub(crate) fn id(key: &Attributes) -> Result<UserId, MalformedItem> {
    let id = text_of(key, "pk").and_then(|pk| pk.strip_prefix("USER#")?.parse().ok());
    id.ok_or_else(|| UserItem::malformed("pk"))
}

fn user_item(user: &User) -> Attributes {
    items::write(key(user.id), &UserItem::from(user))
}

/// Reads the user of an id.
pub(crate) fn parse(id: UserId, item: Attributes) -> Result<User, MalformedItem> {
    UserItem::read(item)?.user(id)
}

/// A credential: it claims an address and proves its user.
#[derive(Serialize, Deserialize)]
pub(crate) struct CredentialItem {
    user_id: Text<UserId>,
    credential_version: u64,
    password_hash: String,
    pepper_id: String,
    previous_hashes: Vec<Text<PasswordHash>>,
}

impl From<&Credential> for CredentialItem {
    fn from(credential: &Credential) -> Self {
        let PasswordHash { phc, pepper_id } = credential.password_hash.clone();
        Self {
            user_id: Text(credential.user_id),
            credential_version: credential.version,
            password_hash: phc,
            pepper_id,
            previous_hashes: credential.previous_hashes.iter().cloned().map(Text).collect(),
        }
    }
}

impl CredentialItem {
    /// Returns the credential that claims this address.
    pub(crate) fn credential(self, email: &CanonicalEmail) -> Credential {
        Credential {
            email: email.clone(),
            user_id: self.user_id.0,
            version: self.credential_version,
            password_hash: PasswordHash { phc: self.password_hash, pepper_id: self.pepper_id },
            previous_hashes: self.previous_hashes.into_iter().map(Text::into).collect(),
        }
    }
}

/// The part of a credential that is no secret.
#[derive(Deserialize)]
pub(crate) struct OwnerItem {
    user_id: Text<UserId>,
}

fn credential_item(credential: &Credential) -> Attributes {
    items::write(credential_key(&credential.email), &CredentialItem::from(credential))
}

/// A user's address before it was changed.
#[derive(Serialize, Deserialize)]
pub(crate) struct FormerEmailItem {
    pub(crate) email: Text<Email>,
    pub(crate) expires_at: Millis,
    #[serde(skip_deserializing)]
    pub(crate) ttl: Ttl,
}
