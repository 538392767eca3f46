//! Roles and their permissions.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{Permission, Rights, Role, RoleName, Roles, Timestamp, Transition, User};
use serde::{Deserialize, Serialize};

use crate::{
    Commands, CommitError, Identities, InvalidItem, StoreError,
    dynamodb::{
        attributes::{number, values},
        item::{self, Item},
        value::{Millis, Text},
    },
    identities::keys,
    transaction::write::Write,
};

/// How long a function takes roles for what they were when it read them. Never for a decision about roles.
const KEPT: Duration = Duration::from_mins(1);

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
        let roles = self.query(keys::ROLES).await?.into_iter().map(|item| RoleItem::read(item)?.role());
        let roles = roles.collect::<Result<Vec<_>, _>>()?;
        let (deleted, present): (Vec<_>, Vec<_>) =
            roles.into_iter().partition(|role| role.deleted_at.is_some());
        Ok(Roles::of(present, deleted.into_iter().map(|role| role.name).collect()))
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

fn replace(role: &Role) -> Write {
    let put = Write::put(item::write(keys::role(&role.name), &RoleItem::from(role)));
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
    pub(crate) fn role(self) -> Result<Role, InvalidItem> {
        let permissions = match self.permissions {
            Some(permissions) => permissions.into_iter().map(Text::into).collect(),
            None if self.deleted_at.is_some() => BTreeSet::new(),
            None => return Err(Self::malformed("permissions")),
        };
        let deleted_at = self.deleted_at.map(Millis::moment);
        Ok(Role { name: self.name.0, permissions, version: self.version, deleted_at })
    }
}
