//! Users, and the credentials that claim their addresses.

use domain::{
    Attributes as CustomAttributes, CanonicalEmail, Credential, Email, Event, LinkHash, Locale, Name,
    PasswordHash, RegistrationId, Status, Timestamp, Tombstone, User, UserId,
};

use crate::{
    Erasure, Failure, Identities, Refused, administrators, erasures,
    item::{Attributes, Item, Read, text},
    listing, pictures, registrations, sessions,
    transaction::{Commands, NotCommitted, Write},
};

pub(crate) const SK: &str = "USER";
/// Of whoever is to be erased, whatever they do: it is there or not.
const FINAL: &str = "is_final";
/// Of whoever is to be erased, and suspended if not: it is there or not.
const WAS_SUSPENDED: &str = "was_suspended";
/// Set on users who have no password and were not invited. Older items lack it.
pub(crate) const NO_PASSWORD: &str = "no_password";
/// The status of a tombstone.
pub(crate) const ERASED: &str = "erased";

/// The partition of everything that is the user's own.
pub(crate) fn pk(id: UserId) -> String {
    format!("USER#{id}")
}

fn credential_pk(email: &CanonicalEmail) -> String {
    format!("EMAIL#{email}")
}

pub(crate) fn key(id: UserId) -> Attributes {
    Item::at(pk(id), SK).build()
}

pub(crate) fn credential_key(email: &CanonicalEmail) -> Attributes {
    Item::at(credential_pk(email), "CREDENTIAL").build()
}

/// Sorts by version.
pub(crate) fn former_email_sk(version: u64) -> String {
    format!("FORMER_EMAIL#{version:020}")
}

/// Why an address was not claimed.
#[derive(Debug, thiserror::Error)]
pub enum ClaimRefused {
    /// Somebody has proven it before.
    #[error("the address is taken")]
    EmailTaken,
    /// The link was used, replaced, or has expired.
    #[error("the link is good no more")]
    LinkSpent,
    /// The claim could not be made.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Why a user is not changed.
#[derive(Debug, thiserror::Error)]
pub enum StandingRefused {
    /// Nobody would be left who can give rights.
    #[error("the user is the last administrator")]
    LastAdministrator,
    /// The user or the authority has changed, or the tables failed.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// Why a user is not added.
#[derive(Debug, thiserror::Error)]
pub enum AdditionRefused {
    /// Somebody has the address.
    #[error("the address is taken")]
    EmailTaken,
    /// The authority has changed, or the tables failed.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Commands<'_> {
    /// Turns a registration into a user: claims the address, adds the user, consumes the link.
    ///
    /// # Errors
    /// [`ClaimRefused`].
    pub async fn claim(
        &self,
        (registration, link, now): (RegistrationId, &LinkHash, Timestamp),
        (user, credential): (&User, &Credential),
        event: Event,
    ) -> Result<(), ClaimRefused> {
        const CREDENTIAL: usize = 0;
        let writes = [self::claim(credential), add(user), registrations::consume(registration, link, now)];
        self.commit(writes, event).await.map_err(|error| match error {
            // Of two requests with the same link the later finds everything refused: its link is spent.
            NotCommitted::Refused(positions) if positions == [CREDENTIAL] => ClaimRefused::EmailTaken,
            NotCommitted::Refused(_) => ClaimRefused::LinkSpent,
            NotCommitted::Failed(failure) => ClaimRefused::Failed(failure),
        })
    }
}

impl Commands<'_> {
    /// Adds a user, with the credential that claims the address.
    ///
    /// # Errors
    /// [`AdditionRefused`].
    pub async fn add_user(
        &self,
        user: &User,
        credential: &Credential,
        event: Event,
    ) -> Result<(), AdditionRefused> {
        self.commit(additions(user, credential), event).await.map_err(|error| match error {
            // If something else does not hold either, it is to be decided anew.
            NotCommitted::Refused(positions) if positions == [ADDED_CREDENTIAL] => {
                AdditionRefused::EmailTaken
            }
            error => sessions::stale(error).into(),
        })
    }

    /// Puts a user in the place of the one a version before, of whom only the profile is another.
    ///
    /// # Errors
    /// [`Refused::Stale`] if the user has changed since they were read.
    pub async fn update_user(&self, (before, user): (&User, &User), event: Event) -> Result<(), Refused> {
        let writes = replace(before, user).chain(pictures::removal(before, user));
        self.commit(writes, event).await.map_err(sessions::stale)
    }

    /// Replaces a user who may differ in anything: also writes the roles by which the user is found, and the
    /// pending erasure.
    ///
    /// # Errors
    /// [`StandingRefused`].
    pub async fn change_user(
        &self,
        (before, user): (&User, &User),
        event: Event,
    ) -> Result<(), StandingRefused> {
        let is_counted = before.is_administrator() != user.is_administrator();
        let writes = replace(before, user).chain(listing::role_writes(&before.roles, user));
        let writes = writes.chain(erasures::writes(before, user)).chain(pictures::removal(before, user));
        self.commit(writes, event).await.map_err(|error| match error {
            // If another condition fails as well, the command is decided again.
            NotCommitted::Refused(positions) if is_counted && positions == [REPLACED_COUNT] => {
                StandingRefused::LastAdministrator
            }
            error => sessions::stale(error).into(),
        })
    }
}

impl Identities {
    /// The user `id`; none once they were erased.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Failure> {
        let item = self.get(pk(id), SK.to_owned()).await?;
        item.filter(|item| !is_tombstone(item)).map(|item| parse(id, &item)).transpose()
    }

    /// The credential that claims an address.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn credential(&self, email: &CanonicalEmail) -> Result<Option<Credential>, Failure> {
        let item = self.get(credential_pk(email), "CREDENTIAL".to_owned()).await?;
        item.map(|item| parse_credential(email, &item)).transpose()
    }

    /// Whose an address is, without the hash that proves it: who asks has no right to read that.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn owner(&self, email: &CanonicalEmail) -> Result<Option<UserId>, Failure> {
        let key = Item::at(credential_pk(email), "CREDENTIAL").build();
        let get = self.dynamodb.get_item().table_name(&self.table).consistent_read(true);
        let get = get.set_key(Some(key)).projection_expression("user_id");
        let answer = get.send().await.map_err(|error| Failure::of("GetItem", error))?;
        answer.item.map(|item| Read(&item).parsed("user_id", str::parse)).transpose()
    }

    /// The address that the user had until the change of this version, or the first after it.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn former_email(&self, user: UserId, version: u64) -> Result<Option<Email>, Failure> {
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
        let answer = query.send().await.map_err(|error| Failure::of("Query", error))?;
        let first = answer.items.unwrap_or_default().into_iter().next();
        first.map(|item| Read(&item).parsed("email", Email::parse)).transpose()
    }
}

/// Moves a user one version on, if nothing else has: the version of its event is the lock.
pub(crate) fn advance(user: &User) -> Write {
    let values = Item::default().number(":version", user.version).number(":before", user.version - 1);
    let values = values.number(":epoch", user.epoch).text(":status", user.status.to_string());
    Write::update(Item::at(pk(user.id), SK).build(), "SET version = :version")
        // `status` is a reserved word; its place in the item is what the decision was made on.
        .only_if("version = :before AND epoch = :epoch AND #status = :status")
        .named("#status", "status")
        .with(values)
}

/// The position of the count of administrators among the writes of [`replace`], if it changes.
const REPLACED_COUNT: usize = 1;

/// Replaces a user by the same user one version on, if nothing else has changed them, and keeps the count of
/// administrators.
pub(crate) fn replace(before: &User, after: &User) -> impl Iterator<Item = Write> {
    let put = Write::put(item(after))
        .only_if("version = :before")
        .with(Item::default().number(":before", after.version - 1));
    let count = administrators::count_administrators(before.is_administrator(), after.is_administrator());
    [Some(put), count].into_iter().flatten()
}

/// Puts what is left in the place of a user, if nothing else has changed them.
pub(crate) fn bury(tombstone: &Tombstone) -> Write {
    let Tombstone { id, version, created_at, erased_at } = *tombstone;
    let item = Item::at(pk(id), SK)
        .number("version", version)
        .text("status", ERASED)
        .moment("created_at", created_at)
        .moment("erased_at", erased_at)
        .build();
    Write::put(item).only_if("version = :before").with(Item::default().number(":before", version - 1))
}

pub(crate) fn is_tombstone(item: &Attributes) -> bool {
    Read(item).maybe_text("status").as_deref() == Some(ERASED)
}

/// Whether an item of a user's partition is the user.
pub(crate) fn is_user(key: &Attributes) -> bool {
    Read(key).maybe_text("sk").as_deref() == Some(SK)
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
    Write::put(item(user)).only_if("attribute_not_exists(pk)")
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
    let key = Item::at(credential_pk(&before.email), "CREDENTIAL").build();
    Write::delete(key).only_if(UNCHANGED).with(unchanged(before))
}

const UNCHANGED: &str = "user_id = :user AND password_hash = :before";

fn unchanged(credential: &Credential) -> Item {
    let hash = &credential.password_hash.phc;
    Item::default().text(":user", credential.user_id.to_string()).text(":before", hash)
}

/// Replaces a password's hash by a better one of the same password.
pub(crate) fn rehash(email: &CanonicalEmail, before: &PasswordHash, after: &PasswordHash) -> Write {
    let values = Item::default()
        .text(":before", &before.phc)
        .text(":after", &after.phc)
        .text(":pepper", &after.pepper_id);
    Write::update(
        Item::at(credential_pk(email), "CREDENTIAL").build(),
        "SET password_hash = :after, pepper_id = :pepper",
    )
    .only_if("password_hash = :before")
    .with(values)
}

/// Whose item it is, of a user's partition.
pub(crate) fn id(key: &Attributes) -> Result<UserId, Failure> {
    Read(key).parsed("pk", |pk| pk.strip_prefix("USER#").ok_or(())?.parse().map_err(|_| ()))
}

fn item(user: &User) -> Attributes {
    let (is_final, was_suspended) = match user.status {
        Status::Deleting { is_final, was_suspended, .. } => (is_final, was_suspended),
        Status::Active | Status::Suspended => (false, false),
    };
    listing::listed(Item::at(pk(user.id), SK), user)
        .number("version", user.version)
        .number("epoch", user.epoch)
        .number("credential_version", user.credential_version)
        .text("status", user.status.to_string())
        .maybe_moment("erase_at", Erasure::of(user).map(|erasure| erasure.due_at))
        .maybe_text(FINAL, is_final.then_some("yes"))
        .maybe_text(WAS_SUSPENDED, was_suspended.then_some("yes"))
        .text("email", user.email.address())
        .text("canonical_email", user.email.canonical().as_str())
        .maybe_text("first_name", user.first_name.as_ref().map(Name::as_str))
        .maybe_text("last_name", user.last_name.as_ref().map(Name::as_str))
        .maybe_text("locale", user.locale.as_ref().map(Locale::as_str))
        .maybe_text("attributes", (!user.attributes.is_empty()).then(|| user.attributes.json()))
        .texts("roles", &user.roles)
        .maybe_text("picture", user.picture.map(|picture| picture.to_string()).as_deref())
        .maybe_moment("invited_at", user.invited_at)
        .maybe_text(NO_PASSWORD, (!user.has_password).then_some("yes"))
        .moment("created_at", user.created_at)
        .moment("updated_at", user.updated_at)
        .build()
}

fn credential_item(credential: &Credential) -> Attributes {
    Item::at(credential_pk(&credential.email), "CREDENTIAL")
        .text("user_id", credential.user_id.to_string())
        .number("credential_version", credential.version)
        .text("password_hash", &credential.password_hash.phc)
        .text("pepper_id", &credential.password_hash.pepper_id)
        .texts("previous_hashes", &credential.previous_hashes.iter().map(one_text).collect::<Vec<_>>())
        .build()
}

pub(crate) fn parse_credential(email: &CanonicalEmail, item: &Attributes) -> Result<Credential, Failure> {
    let read = Read(item);
    Ok(Credential {
        email: email.clone(),
        user_id: read.parsed("user_id", str::parse)?,
        version: read.number("credential_version")?,
        password_hash: PasswordHash { phc: read.text("password_hash")?, pepper_id: read.text("pepper_id")? },
        previous_hashes: previous(&read)?,
    })
}

/// A pepper's id has no space.
fn one_text(hash: &PasswordHash) -> String {
    format!("{} {}", hash.pepper_id, hash.phc)
}

fn previous(credential: &Read<'_>) -> Result<Vec<PasswordHash>, Failure> {
    const NAME: &str = "previous_hashes";
    let hash = |text: String| {
        let (pepper_id, phc) = text.split_once(' ').ok_or(Failure::Malformed(NAME))?;
        Ok(PasswordHash { phc: phc.to_owned(), pepper_id: pepper_id.to_owned() })
    };
    credential.texts(NAME)?.into_iter().map(hash).collect()
}

fn status(read: &Read) -> Result<Status, Failure> {
    match &*read.text("status")? {
        "deleting" => Ok(Status::Deleting {
            erase_at: read.moment("erase_at")?,
            is_final: read.0.contains_key(FINAL),
            was_suspended: read.0.contains_key(WAS_SUSPENDED),
        }),
        other => other.parse().map_err(|()| Failure::Malformed("status")),
    }
}

fn custom_attributes(text: &str) -> Result<CustomAttributes, ()> {
    CustomAttributes::of_json(text).ok_or(())
}

pub(crate) fn parse(id: UserId, item: &Attributes) -> Result<User, Failure> {
    let read = Read(item);
    Ok(User {
        id,
        version: read.number("version")?,
        epoch: read.number("epoch")?,
        credential_version: read.number("credential_version")?,
        status: status(&read)?,
        email: read.parsed("email", Email::parse)?,
        first_name: read.maybe_parsed("first_name", Name::parse)?,
        last_name: read.maybe_parsed("last_name", Name::parse)?,
        locale: read.maybe_parsed("locale", Locale::parse)?,
        attributes: read.maybe_parsed("attributes", custom_attributes)?.unwrap_or_default(),
        roles: read.texts("roles")?,
        picture: read.maybe_parsed("picture", str::parse)?,
        invited_at: item.contains_key("invited_at").then(|| read.moment("invited_at")).transpose()?,
        // Items of earlier releases only say that the user was invited.
        has_password: !item.contains_key(NO_PASSWORD) && !item.contains_key("invited_at"),
        created_at: read.moment("created_at")?,
        updated_at: read.moment("updated_at")?,
    })
}
