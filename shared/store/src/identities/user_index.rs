//! The sparse indexes that users are found in, by status and by role.

use domain::{User, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    dynamodb::{
        attributes::{key, sortable},
        item,
        shard::hash,
    },
    identities::keys,
    transaction::write::Write,
};

/// Into how many partitions of an index the users of one status, or with one role, are split.
pub(crate) const SHARDS: u32 = 8;
/// What the sort keys of a user's roles begin with.
const ROLE: &str = "ROLE#";

/// The keys of the indexes in which a user is found.
#[derive(Serialize, Deserialize)]
pub(crate) struct Listed {
    pub(crate) list_pk: String,
    pub(crate) list_sk: String,
}

impl Listed {
    /// Returns the keys by which a user is found by status: part of each item of a user.
    pub(crate) fn by_status(user: &User) -> Self {
        Self::in_group(user.status.name().as_str(), user)
    }

    fn in_group(group: &str, user: &User) -> Self {
        let list_sk = format!("{}#{}", sortable(user.created_at), user.id);
        Self { list_pk: partition(group, shard(user.id)), list_sk }
    }
}

/// What makes a user be found by each role that they were given, and by none that they lost: whatever
/// changes the roles of a user commits these, too.
pub(crate) fn role_writes(before: &[String], user: &User) -> Vec<Write> {
    let given = user.roles.iter().filter(|role| !before.contains(role));
    let lost = before.iter().filter(|role| !user.roles.contains(role));
    let key = |role: &String| key(keys::user_pk(user.id), format!("{ROLE}{role}"));
    let give = |role: &String| Write::put(item::write(key(role), &Listed::in_group(&role_group(role), user)));
    given.map(give).chain(lost.map(|role| Write::delete(key(role)))).collect()
}

pub(crate) fn role_group(role: &str) -> String {
    format!("role#{role}")
}

pub(crate) fn partition(group: &str, shard: u32) -> String {
    format!("{group}#{shard}")
}

fn shard(id: UserId) -> u32 {
    hash(&id.to_string()) % SHARDS
}
