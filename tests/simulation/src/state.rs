//! The two tables, taken apart.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::deployment::Tables;

/// The two tables, taken apart.
pub(crate) struct State {
    /// Each user's version.
    pub(crate) users: BTreeMap<String, u64>,
    /// Each user's status.
    pub(crate) statuses: BTreeMap<String, String>,
    /// The sessions that stand: of their user's epoch.
    pub(crate) sessions: BTreeSet<String>,
    /// The roles of each user.
    pub(crate) roles: BTreeMap<String, BTreeSet<String>>,
    /// The address and the picture of each user who is not erased.
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// The user who has claimed each address.
    pub(crate) claims: BTreeMap<String, String>,
    /// The stored picture of each user.
    pub(crate) pictures: BTreeMap<String, String>,
    /// The number of users who can administer.
    pub(crate) administrators: usize,
    /// The stored count of them.
    pub(crate) counted_administrators: u64,
    /// Each stream's events, by their number.
    pub(crate) events: BTreeMap<String, BTreeMap<u64, Event>>,
    /// What was put away because it could not be read.
    pub(crate) quarantined: usize,
}

pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) state: String,
    pub(crate) kind: String,
    pub(crate) detail: Value,
    /// Whether the bus can never take it.
    pub(crate) must_die: bool,
}

/// The attributes of a user that other items must match.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) address: String,
    pub(crate) picture: Option<String>,
}

/// Streams of events, as opposed to what else is in the table.
const STREAMS: [&str; 5] = ["user#", "registration#", "resend#", "reset#", "role#"];
/// Bytes of a text: the bus takes less.
pub(crate) const TOO_LARGE: usize = 300 * 1024;

pub(crate) fn is_event_stream(stream: &str) -> bool {
    STREAMS.iter().any(|prefix| stream.starts_with(prefix))
}

fn text(item: &Value, name: &str) -> String {
    item[name]["S"].as_str().unwrap_or_default().to_owned()
}

fn number(item: &Value, name: &str) -> u64 {
    item[name]["N"].as_str().and_then(|number| number.parse().ok()).unwrap_or_default()
}

fn texts(item: &Value, name: &str) -> BTreeSet<String> {
    let values = item[name]["L"].as_array().into_iter().flatten();
    values.filter_map(|value| value["S"].as_str().map(str::to_owned)).collect()
}

fn can_administer(user: &Value) -> bool {
    let is_able =
        text(user, "status") == "active" && user["invited_at"].is_null() && user["no_password"].is_null();
    is_able && texts(user, "roles").contains("admin")
}

impl Profile {
    fn of(user: &Value) -> Self {
        let picture = user["picture"]["S"].as_str().map(str::to_owned);
        Self { address: text(user, "canonical_email"), picture }
    }
}

impl State {
    pub(crate) fn of(tables: &Tables) -> Self {
        let of_kind = |kind: &'static str| {
            let items = tables["Identities"].iter().map(|item| (text(item, "pk"), text(item, "sk"), item));
            items.filter(move |(_, sk, _)| sk.starts_with(kind))
        };
        let of_users = || of_kind("USER").map(|(pk, _, item)| (pk.replace("USER#", "user#"), item));
        let epochs: BTreeMap<_, _> =
            of_kind("USER").map(|(pk, _, item)| (pk, number(item, "epoch"))).collect();
        let standing =
            |(pk, _, item): &(String, String, &Value)| epochs.get(pk) == Some(&number(item, "epoch"));
        let sessions = of_kind("SESSION#").filter(standing);
        let sessions = sessions.map(|(_, sk, _)| sk.replace("SESSION#", "")).collect();
        let is_there = |(_, item): &(String, &Value)| text(item, "status") != "erased";
        let claims = of_kind("CREDENTIAL")
            .map(|(pk, _, item)| (pk.replace("EMAIL#", ""), format!("user#{}", text(item, "user_id"))));
        let pictures =
            of_kind("PICTURE").map(|(pk, _, item)| (pk.replace("USER#", "user#"), text(item, "id")));
        let counted = of_kind("ADMINISTRATORS").map(|(_, _, item)| number(item, "administrators"));
        let (mut events, mut quarantined) = (BTreeMap::<_, BTreeMap<_, _>>::new(), 0);
        for item in &tables["Events"] {
            let stream = text(item, "stream");
            quarantined += usize::from(stream.starts_with("quarantine#"));
            let detail = text(item, "detail");
            // Without a text it is no event: somebody else wrote it.
            if !is_event_stream(&stream) || detail.is_empty() {
                continue;
            }
            let event = Event {
                id: text(item, "event_id"),
                state: text(item, "state"),
                kind: text(item, "detail_type"),
                must_die: detail.len() >= TOO_LARGE,
                detail: serde_json::from_str(&detail).unwrap_or_default(),
            };
            events.entry(stream).or_default().insert(number(item, "seq"), event);
        }
        Self {
            users: of_users().map(|(user, item)| (user, number(item, "version"))).collect(),
            statuses: of_users().map(|(user, item)| (user, text(item, "status"))).collect(),
            sessions,
            roles: of_users().map(|(user, item)| (user, texts(item, "roles"))).collect(),
            profiles: of_users().filter(is_there).map(|(user, item)| (user, Profile::of(item))).collect(),
            claims: claims.collect(),
            pictures: pictures.collect(),
            administrators: of_users().filter(|(_, item)| can_administer(item)).count(),
            counted_administrators: counted.sum(),
            events,
            quarantined,
        }
    }

    /// How many events wait.
    pub(crate) fn pending(&self) -> usize {
        self.all().filter(|event| event.state == "pending").count()
    }

    /// The ids of all events.
    pub(crate) fn ids(&self) -> impl Iterator<Item = String> {
        self.all().map(|event| event.id.clone())
    }

    /// The sessions that stand by what the events say.
    pub(crate) fn sessions_by_events(&self) -> BTreeSet<String> {
        self.events.values().flat_map(|events| open_after(events.values())).collect()
    }

    /// How many users are erased.
    pub(crate) fn tombstones(&self) -> u64 {
        self.all().filter(|event| event.kind == "user.erased").count() as u64
    }

    /// The events of users who are erased, or will be.
    pub(crate) fn erased(&self) -> impl Iterator<Item = String> {
        let leaves = |events: &&BTreeMap<u64, Event>| {
            events.values().any(|event| event.kind == "user.deletion-requested")
        };
        let of_leavers = self.events.values().filter(leaves).flat_map(BTreeMap::values);
        of_leavers.map(|event| event.id.clone())
    }

    /// All events.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Event> {
        self.events.values().flat_map(BTreeMap::values)
    }
}

/// The status that one user's events leave.
pub(crate) fn status_after<'a>(events: impl Iterator<Item = &'a Event>) -> &'static str {
    let (status, _) =
        events.fold(("active", "active"), |(status, before), event| match event.kind.as_str() {
            "user.suspended" => ("suspended", before),
            // Whoever was to be erased is what they were.
            "user.reactivated" | "user.deletion-canceled" if status == "deleting" => (before, "active"),
            "user.reactivated" => ("active", before),
            "user.deletion-requested" => ("deleting", status),
            "user.erased" => ("erased", before),
            _ => (status, before),
        });
    status
}

/// The roles that one user's events leave.
pub(crate) fn roles_after<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeSet<String> {
    let mut roles = BTreeSet::new();
    for event in events {
        let data = &event.detail["data"];
        let role = || data["role"].as_str().map(str::to_owned);
        match event.kind.as_str() {
            "user.created" => {
                let given = data["roles"].as_array().into_iter().flatten();
                roles.extend(given.filter_map(|role| role.as_str().map(str::to_owned)));
            }
            "user.role-granted" => roles.extend(role()),
            "user.role-revoked" => roles.retain(|kept| Some(kept) != role().as_ref()),
            "user.erased" => roles.clear(),
            _ => {}
        }
    }
    roles
}

/// The sessions that one user's events leave open.
fn open_after<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeSet<String> {
    let mut open = BTreeSet::new();
    for event in events {
        let named = |name: &str| event.detail["data"][name].as_str().map(str::to_owned);
        match event.kind.as_str() {
            "session.started" => {
                let ended = event.detail["data"]["ended_session_ids"].as_array();
                open.retain(|id| !ended.into_iter().flatten().any(|ended| ended == id));
                open.extend(named("session_id"));
            }
            "session.ended" => open.retain(|id| Some(id) != named("session_id").as_ref()),
            "sessions.ended" | "user.password-changed" => {
                open.retain(|id| Some(id) == named("kept_session_id").as_ref());
            }
            "user.password-reset"
            | "user.email-changed"
            | "user.deletion-requested"
            | "user.suspended"
            | "user.signed-out"
            | "user.erased" => open.clear(),
            _ => {}
        }
    }
    open
}
