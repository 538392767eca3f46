//! Finding users: by when they were created, by address, by status, by role.
//!
//! Two sparse indexes hold the keys of users only. Their partitions are split into [`SHARDS`], so that many
//! can be written at once; a page asks all of them at the same time and merges what they answer, and costs
//! the same for ten users as for ten million. The indexes lag behind the table, so they only say who may be
//! on a page: what is shown was read from the table, and is left out if it does not fit any more.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::{StatusName, Timestamp, User, UserId};
use futures_util::future::try_join_all;

use crate::{
    Identities, InvalidItem, StoreError,
    dynamodb::{
        attributes::{Attributes, sortable, text, text_of},
        item::Item,
    },
    identities::{
        keys,
        user_index::{self, SHARDS},
        user_item::{self, UserItem},
    },
};

/// How often the table may leave something out of an answer.
const MAX_ATTEMPTS: usize = 5;
/// No address has a character before this one or after that one.
const FIRST_CHARACTER: &str = "!";
const BEHIND_CHARACTERS: char = '\u{7f}';

/// Which users are looked for. What is not given does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    /// The status that they have.
    pub status: Option<StatusName>,
    /// A role that they have.
    pub role: Option<String>,
    /// What their canonical addresses begin with.
    pub email_prefix: Option<String>,
    /// They were created after this moment.
    pub created_after: Option<Timestamp>,
    /// They were created before this moment.
    pub created_before: Option<Timestamp>,
}

/// In which order users come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserOrder {
    /// By what.
    pub by: OrderedBy,
    /// Whether the last one comes first.
    pub is_descending: bool,
}

/// What orders users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderedBy {
    /// When they were created.
    Creation,
    /// Their canonical addresses.
    Email,
}

/// A user's place in an order.
struct Place {
    /// Unique, and sorts as the order does.
    position: String,
    id: UserId,
}

/// Part of an index: partitions, and what lies between two positions of each.
struct Stretch {
    index: &'static str,
    position: &'static str,
    partitions: Vec<String>,
    from: String,
    to: String,
}

impl Identities {
    /// Some of the users that `filter` finds, at most `most`, from the one after the position `after` on.
    /// With them comes the position to go on after, if there may be more.
    ///
    /// # Errors
    /// If the table does not answer.
    pub async fn find_users(
        &self,
        filter: &UserFilter,
        order: UserOrder,
        after: Option<String>,
        most: u8,
    ) -> Result<(Vec<User>, Option<String>), StoreError> {
        let stretch = Stretch::of(filter, order, after.as_deref());
        if stretch.from > stretch.to {
            return Ok((Vec::new(), None));
        }
        let parts = stretch.partitions.iter().map(|pk| self.part(&stretch, pk, order.is_descending, most));
        let (parts, more): (Vec<_>, Vec<_>) = try_join_all(parts).await?.into_iter().unzip();
        let mut places: Vec<_> =
            parts.into_iter().flatten().filter(|place| Some(&place.position) != after.as_ref()).collect();
        places.sort_by(|a, b| a.position.cmp(&b.position));
        if order.is_descending {
            places.reverse();
        }
        // Who has just changed partitions may be in both.
        places.dedup_by(|a, b| a.position == b.position);
        let is_cut = places.len() > usize::from(most) || more.contains(&true);
        places.truncate(most.into());
        let next = places.last().filter(|_| is_cut).map(|place| place.position.clone());
        let users = self.users_at(&places).await?;
        Ok((users.into_iter().filter(|user| filter.admits(user)).collect(), next))
    }

    /// The first places of one partition, and whether there are more. One is read beyond `most`, since the
    /// place to go on after is among them. As keys are short, as many are answered as are asked for.
    async fn part(
        &self,
        stretch: &Stretch,
        partition: &str,
        is_descending: bool,
        most: u8,
    ) -> Result<(Vec<Place>, bool), StoreError> {
        let query = self
            .dynamodb
            .query()
            .table_name(&self.table)
            .index_name(stretch.index)
            .key_condition_expression("list_pk = :pk AND #position BETWEEN :from AND :to")
            .expression_attribute_names("#position", stretch.position)
            .expression_attribute_values(":pk", text(partition))
            .expression_attribute_values(":from", text(&stretch.from))
            .expression_attribute_values(":to", text(&stretch.to))
            .scan_index_forward(!is_descending)
            .limit(i32::from(most) + 1);
        let answer = query.send().await.map_err(|error| StoreError::of("Query", error))?;
        let place = |item: &Attributes| Place::of(item, stretch.position);
        let places = answer.items.unwrap_or_default().iter().map(place).collect::<Result<_, _>>()?;
        Ok((places, answer.last_evaluated_key.is_some()))
    }

    /// The users at these places, in their order, as they are now; without those that are gone.
    async fn users_at(&self, places: &[Place]) -> Result<Vec<User>, StoreError> {
        let mut found = HashMap::new();
        let mut keys: Vec<_> = places.iter().map(|place| keys::user(place.id)).collect();
        for _attempt in 0..MAX_ATTEMPTS {
            if keys.is_empty() {
                return Ok(places.iter().filter_map(|place| found.remove(&place.id)).collect());
            }
            // `build` fails only for missing keys.
            let asked = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build().ok();
            let get = self
                .dynamodb
                .batch_get_item()
                .set_request_items(asked.map(|asked| HashMap::from([(self.table.clone(), asked)])));
            let answer = get.send().await.map_err(|error| StoreError::of("BatchGetItem", error))?;
            let items = answer.responses.unwrap_or_default().into_values().flatten();
            for item in items.filter(|item| !user_item::is_tombstone(item)) {
                let id = user_item::id(&item)?;
                found.insert(id, user_item::parse(id, item)?);
            }
            let left = answer.unprocessed_keys.unwrap_or_default().into_values();
            keys = left.flat_map(|left| left.keys).collect();
        }
        Err(StoreError::Contended)
    }
}

impl UserFilter {
    fn admits(&self, user: &User) -> bool {
        self.status.is_none_or(|status| user.status.name() == status)
            && self.role.as_ref().is_none_or(|role| user.roles.contains(role))
            && self.created_after.is_none_or(|after| user.created_at > after)
            && self.created_before.is_none_or(|before| user.created_at < before)
            && (self.email_prefix.as_ref())
                .is_none_or(|prefix| user.email.canonical().as_str().starts_with(prefix))
    }

    /// Every partition of an index in which such a user may be.
    fn partitions(&self, by: OrderedBy) -> Vec<String> {
        let groups = match (&self.role, self.status) {
            // A role has its own partitions where its holders are sorted by creation.
            (Some(role), _) if by == OrderedBy::Creation => vec![user_index::role_group(role)],
            (_, Some(status)) => vec![status.to_string()],
            (_, None) => StatusName::ALL.map(|status| status.to_string()).into(),
        };
        let shards = |group: String| (0..SHARDS).map(move |shard| user_index::partition(&group, shard));
        groups.into_iter().flat_map(shards).collect()
    }
}

impl Stretch {
    fn of(filter: &UserFilter, order: UserOrder, after: Option<&str>) -> Self {
        let (index, position, mut from, mut to) = match order.by {
            OrderedBy::Creation => {
                let (after, before) = (filter.created_after, filter.created_before);
                let after = after.map_or(0, |after| after.millis().saturating_add(1));
                // Whatever was created at a moment sorts behind the moment alone.
                let before = before.map_or_else(|| ":".to_owned(), sortable);
                ("users_by_creation", "list_sk", sortable(Timestamp::from_millis(after)), before)
            }
            OrderedBy::Email => {
                let prefix = filter.email_prefix.as_deref().unwrap_or_default();
                let from = if prefix.is_empty() { FIRST_CHARACTER } else { prefix };
                ("users_by_email", "canonical_email", from.to_owned(), format!("{prefix}{BEHIND_CHARACTERS}"))
            }
        };
        if let Some(after) = after {
            after.clone_into(if order.is_descending { &mut to } else { &mut from });
        }
        Self { index, position, partitions: filter.partitions(order.by), from, to }
    }
}

impl Place {
    fn of(item: &Attributes, position: &str) -> Result<Self, InvalidItem> {
        let text = text_of(item, position).ok_or_else(|| UserItem::malformed(position))?;
        Ok(Self { position: text.to_owned(), id: user_item::id(item)? })
    }
}
