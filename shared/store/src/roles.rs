//! Roles, their permissions, and the callers who act by them.

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{
    Authority, NoAuthority, Permission, Rights, Role, RoleName, Roles, Session, SessionId, Timestamp,
    Transition, User, UserId,
};
use serde::{Deserialize, Serialize};

use crate::{
    CommitError, Identities, MalformedItem, StoreError,
    attributes::{self, Attributes, number, text, texts, values},
    items::{self, Item, Millis, Text},
    transaction::{Commands, Write},
    users,
};

const PK: &str = "ROLES";

/// How long a function takes roles for what they were when it read them. Never for a decision about roles.
const KEPT: Duration = Duration::from_mins(1);

/// The reason why a caller is not authorized.
#[derive(Debug, thiserror::Error)]
pub enum NotAuthorized {
    /// The session has ended, or the user does not hold the permission.
    #[error(transparent)]
    None(#[from] NoAuthority),
    /// The table failed.
    #[error("failed to read the caller")]
    NotRead(#[from] StoreError),
}

/// The roles as they were a moment ago, kept by a function that makes tokens.
pub struct RecentRoles {
    identities: Identities,
    kept: RwLock<Option<(Timestamp, Arc<Roles>)>>,
}

impl RecentRoles {
    /// Those of this table.
    #[must_use]
    pub fn new(identities: &Identities) -> Self {
        Self { identities: identities.clone(), kept: RwLock::default() }
    }

    /// Returns what a user may do: by the user's roles as of now, and what these permit as of a minute ago at most. For a
    /// user without roles, nothing is read.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn rights(&self, user: &User, now: Timestamp) -> Result<Rights, StoreError> {
        if user.roles.is_empty() {
            return Ok(Rights::default());
        }
        Ok(self.recent(now).await?.rights(user))
    }

    /// Reads the roles ahead, if they were not read within the last minute, so that the calls of a log-in do not tell
    /// whether a user has roles.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn read_ahead(&self, now: Timestamp) -> Result<(), StoreError> {
        self.recent(now).await.map(drop)
    }

    async fn recent(&self, now: Timestamp) -> Result<Arc<Roles>, StoreError> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, roles)) = kept.filter(|(read_at, _)| now.since(*read_at) < KEPT) {
            return Ok(roles);
        }
        let roles = Arc::new(self.identities.roles().await?);
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&roles)));
        Ok(roles)
    }
}

impl Identities {
    /// Every role that there is.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn roles(&self) -> Result<Roles, StoreError> {
        let roles = self.query(PK).await?.into_iter().map(|item| RoleItem::read(item)?.role());
        let roles = roles.collect::<Result<Vec<_>, _>>()?;
        let (deleted, present): (Vec<_>, Vec<_>) =
            roles.into_iter().partition(|role| role.deleted_at.is_some());
        Ok(Roles::of(present, deleted.into_iter().map(|role| role.name).collect()))
    }

    /// Returns the user of a session that has not ended at `now`.
    ///
    /// # Errors
    /// [`NotAuthorized`].
    pub async fn signed_in(
        &self,
        (user, session): (UserId, SessionId),
        now: Timestamp,
    ) -> Result<User, NotAuthorized> {
        let (user, session) = tokio::try_join!(self.user(user), self.session(user, session))?;
        let (Some(user), Some(session)) = (user, session) else { return Err(NoAuthority::Ended.into()) };
        let (user, session) = self.of_one_moment(user, session).await?.ok_or(NoAuthority::Ended)?;
        Ok(User::signed_in(Some(user), Some(&session), now)?)
    }

    /// Returns the authority of the user of a session over others, if they hold `permission`.
    ///
    /// # Errors
    /// [`NotAuthorized`].
    pub async fn authority(
        &self,
        caller: (UserId, SessionId),
        permission: &str,
        now: Timestamp,
    ) -> Result<Authority, NotAuthorized> {
        let roles = async { Ok(self.roles().await?) };
        // Boxed, since the future of three concurrent reads is large.
        let (user, roles) = Box::pin(async { tokio::try_join!(self.signed_in(caller, now), roles) }).await?;
        Ok(Authority::new(user, roles, permission)?)
    }

    /// Returns a user and their session as of one moment. They are read concurrently, and ending the other
    /// sessions carries this one over into the user's next epoch: the one that was read before that is read
    /// again. The epochs of a session that has ended differ for good. Returns `None` if either is gone.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn of_one_moment(
        &self,
        user: User,
        session: Session,
    ) -> Result<Option<(User, Session)>, StoreError> {
        match user.epoch.cmp(&session.epoch) {
            Ordering::Equal => Ok(Some((user, session))),
            Ordering::Less => Ok(self.user(user.id).await?.map(|user| (user, session))),
            Ordering::Greater => {
                let now = self.session(user.id, session.id).await?;
                Ok(now.map(|now| (user, now)))
            }
        }
    }
}

impl Commands<'_> {
    /// Replaces a role, or adds it. A deleted role stays as a mark, so that its name cannot give permissions again.
    ///
    /// # Errors
    /// [`CommitError`].
    pub async fn put_role(&self, change: &Transition<Role>) -> Result<(), CommitError> {
        self.commit([replace(&change.after)], &change.event).await.map_err(CommitError::conflict)
    }
}

/// Checks that an authority still holds: the caller has the same status, epoch and roles, and each role is of
/// the same version.
pub(crate) fn still_holds(authority: &Authority) -> Vec<Write> {
    let user = authority.user();
    let actor = values([
        (":actor_status", text(user.status.to_string())),
        (":actor_epoch", number(user.epoch)),
        (":actor_roles", texts(&user.roles)),
    ]);
    let user = Write::check(users::key(user.id))
        .only_if("#actor_status = :actor_status AND epoch = :actor_epoch AND #actor_roles = :actor_roles")
        .named("#actor_status", "status")
        .named("#actor_roles", "roles")
        .with(actor);
    let role = |(name, version): (&RoleName, u64)| {
        let version = values([(":role_version", number(version))]);
        Write::check(key(name)).only_if("version = :role_version").with(version)
    };
    [user].into_iter().chain(authority.rests_on().map(role)).collect()
}

fn key(name: &RoleName) -> Attributes {
    attributes::key(PK, name.as_str())
}

fn replace(role: &Role) -> Write {
    let put = Write::put(items::write(key(&role.name), &RoleItem::from(role)));
    if role.version == 1 {
        return put.only_if("attribute_not_exists(pk)");
    }
    put.only_if("version = :before").with(values([(":before", number(role.version - 1))]))
}

/// A role, or the mark of one that was deleted, which has no permissions.
#[derive(Serialize, Deserialize)]
pub(crate) struct RoleItem {
    #[serde(rename = "sk")]
    name: Text<RoleName>,
    version: u64,
    permissions: Option<Vec<Text<Permission>>>,
    deleted_at: Option<Millis>,
}

impl From<&Role> for RoleItem {
    fn from(Role { name, permissions, version, deleted_at }: &Role) -> Self {
        Self {
            name: Text(name.clone()),
            version: *version,
            permissions: deleted_at.is_none().then(|| permissions.iter().cloned().map(Text).collect()),
            deleted_at: deleted_at.map(Millis),
        }
    }
}

impl RoleItem {
    pub(crate) fn role(self) -> Result<Role, MalformedItem> {
        let permissions = match self.permissions {
            Some(permissions) => permissions.into_iter().map(Text::into).collect(),
            None if self.deleted_at.is_some() => BTreeSet::new(),
            None => return Err(Self::malformed("permissions")),
        };
        let deleted_at = self.deleted_at.map(Millis::moment);
        Ok(Role { name: self.name.0, permissions, version: self.version, deleted_at })
    }
}
