//! Holding every user's version against the events: number 1 to the version, each exactly once.

use std::{
    collections::HashSet,
    fmt,
    ops::{AddAssign, RangeInclusive},
    time::Duration,
};

use domain::{EventId, Timestamp, UserId};

use crate::{Entry, EventKey, Failure, Identities, Outbox, State, StoredEvent, UserVersion};

/// An event that waits behind a delivered one was published, and its mark was lost: the sweeper
/// publishes it again soon after its grace. One that still waits after that is stuck.
const SWEPT: Duration = Duration::from_mins(30);

/// Something that must not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Events that were committed are not there, and cannot have expired.
    Missing {
        /// The stream that lacks them.
        stream: String,
        /// Their numbers.
        numbers: RangeInclusive<u64>,
    },
    /// An event that no change of the user made.
    BeyondVersion {
        /// Which one it is.
        key: EventKey,
        /// The user's version.
        version: u64,
    },
    /// Events of a user who is not there.
    NoUser {
        /// Their stream.
        stream: String,
    },
    /// An event with the id of another one: consumers would skip one of them.
    RepeatedId {
        /// Which one it is.
        key: EventKey,
        /// The id.
        event_id: String,
    },
    /// A pending event, though one behind it was delivered long ago.
    Overtaken {
        /// Which one it is.
        key: EventKey,
        /// The number of the one behind it.
        by: u64,
    },
    /// An item that cannot be read.
    Unreadable {
        /// Its key, as it is written.
        key: String,
        /// What is wrong with it.
        attribute: &'static str,
    },
    /// An item of a kind that the table does not have.
    UnknownStream {
        /// Its stream.
        stream: String,
    },
}

/// What was counted, and what was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Users.
    pub users: u64,
    /// Their events that are there.
    pub events: u64,
    /// Those of them that still wait.
    pub pending: u64,
    /// Those of them that were given up and wait for an operator.
    pub dead: u64,
    /// Those of them that an operator gave up.
    pub discarded: u64,
    /// Their events that are not there, and may have expired.
    pub expired: u64,
    /// What must not be.
    pub findings: Vec<Finding>,
}

/// Holds Identities against Events.
#[derive(Debug)]
pub struct Reconciliation {
    outbox: Outbox,
    identities: Identities,
    now: Timestamp,
    /// What was committed before may have expired; `None` if nothing expires.
    kept_since: Option<Timestamp>,
    event_ids: HashSet<u128>,
    users: HashSet<UserId>,
}

impl Reconciliation {
    /// Reconciles the two tables; events older than `kept`, by default the retention, may be gone.
    #[must_use]
    pub fn new(outbox: Outbox, identities: Identities, now: Timestamp, kept: Option<Duration>) -> Self {
        let kept_since = kept.or(outbox.retention).map(|kept| now.minus(kept));
        let (event_ids, users) = Default::default();
        Self { outbox, identities, now, kept_since, event_ids, users }
    }

    /// Holds a user's version against the user's events.
    ///
    /// # Errors
    /// If one of the tables does not answer.
    pub async fn user(&self, user: &UserVersion) -> Result<Reconciled, Failure> {
        let stream = format!("user#{}", user.id);
        let (mut events, mut findings, mut start) = (Vec::new(), Vec::new(), None);
        loop {
            let page = self.outbox.history(&stream, start).await?;
            for entry in page.items {
                match entry {
                    Entry::Event(event) => events.push(event),
                    entry => findings.extend(unreadable(entry)),
                }
            }
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        let newest = events.last().map_or(0, |event| event.key.sequence);
        let mut version = user.version;
        if newest > version {
            // The events were read after the version: there may have been another change in between.
            let Some(user) = self.identities.user(user.id).await? else {
                return Ok(Reconciled::of(Some(Finding::NoUser { stream })));
            };
            version = user.version.min(newest);
        }
        let mut reconciled = self.reconcile(&stream, user.created_at, version, &events);
        reconciled.findings.extend(findings);
        Ok(reconciled)
    }

    fn reconcile(
        &self,
        stream: &str,
        created_at: Timestamp,
        version: u64,
        events: &[StoredEvent],
    ) -> Reconciled {
        let in_state = |state| events.iter().filter(|event| event.state == state).count() as u64;
        let mut reconciled = Reconciled {
            users: 1,
            events: events.len() as u64,
            pending: in_state(State::Pending),
            dead: in_state(State::Dead),
            discarded: in_state(State::Discarded),
            ..Default::default()
        };
        // What is missing was committed after the event below it, and has expired no earlier.
        let (mut below, mut expected) = (created_at, 1);
        let mut missing = |numbers: RangeInclusive<u64>, below: Timestamp| {
            if numbers.is_empty() {
            } else if self.kept_since.is_some_and(|since| below < since) {
                reconciled.expired += numbers.end() - numbers.start() + 1;
            } else {
                reconciled.findings.push(Finding::Missing { stream: stream.to_owned(), numbers });
            }
        };
        let (made, beyond) =
            events.iter().partition::<Vec<_>, _>(|event| (1..=version).contains(&event.key.sequence));
        for event in made {
            missing(expected..=event.key.sequence - 1, below);
            (below, expected) = (event.created_at, event.key.sequence.saturating_add(1));
        }
        missing(expected..=version, below);
        let beyond =
            beyond.into_iter().map(|event| Finding::BeyondVersion { key: event.key.clone(), version });
        reconciled.findings.extend(beyond);
        reconciled.findings.extend(self.overtaken(events));
        reconciled
    }

    fn overtaken(&self, events: &[StoredEvent]) -> Option<Finding> {
        let long_ago = self.now.minus(SWEPT);
        let (at, waits) = events.iter().enumerate().find(|(_, event)| {
            let was_due = event.requeued_at.unwrap_or(event.created_at);
            event.state == State::Pending && was_due < long_ago
        })?;
        let by =
            events[at..].iter().find(|event| event.delivered_at.is_some_and(|moment| moment < long_ago))?;
        Some(Finding::Overtaken { key: waits.key.clone(), by: by.key.sequence })
    }

    /// Notes that a user is reconciled.
    pub fn has(&mut self, user: UserId) {
        self.users.insert(user);
    }

    /// Looks at an item of the table Events once the users are reconciled: at what only the whole
    /// table can show. Ids of all events are kept in memory, some 32 bytes each.
    ///
    /// # Errors
    /// If one of the tables does not answer.
    pub async fn entry(&mut self, entry: Entry) -> Result<Reconciled, Failure> {
        let event = match entry {
            Entry::Event(event) => event,
            entry => return Ok(Reconciled::of(unreadable(entry))),
        };
        let mut reconciled = Reconciled::of(self.repeated(&event));
        let stream = &event.key.stream;
        match stream.split_once('#') {
            Some(("user", id)) => match id.parse() {
                Ok(id) => reconciled += self.latecomer(stream, id).await?,
                Err(_) => reconciled.findings.push(Finding::UnknownStream { stream: stream.clone() }),
            },
            // Of these there is one event each; what they are of expires by itself.
            Some(("registration" | "resend", _)) if event.key.sequence == 1 => {}
            Some(("registration" | "resend", _)) => {
                reconciled.findings.push(Finding::BeyondVersion { key: event.key, version: 1 });
            }
            _ => reconciled.findings.push(Finding::UnknownStream { stream: stream.clone() }),
        }
        Ok(reconciled)
    }

    /// A user who was not there when the users were read.
    async fn latecomer(&mut self, stream: &str, id: UserId) -> Result<Reconciled, Failure> {
        if !self.users.insert(id) {
            return Ok(Reconciled::default());
        }
        match self.identities.user(id).await? {
            Some(user) => {
                let user = UserVersion { id, version: user.version, created_at: user.created_at };
                self.user(&user).await
            }
            None => Ok(Reconciled::of(Some(Finding::NoUser { stream: stream.to_owned() }))),
        }
    }

    fn repeated(&mut self, event: &StoredEvent) -> Option<Finding> {
        let (key, event_id) = (event.key.clone(), event.event_id.clone());
        match event_id.parse::<EventId>() {
            Ok(id) if self.event_ids.insert(id.uuid().as_u128()) => None,
            Ok(_) => Some(Finding::RepeatedId { key, event_id }),
            Err(_) => Some(Finding::Unreadable { key: key.to_string(), attribute: "event_id" }),
        }
    }
}

fn unreadable(entry: Entry) -> Option<Finding> {
    match entry {
        Entry::Unreadable { stream, sequence, attribute } => {
            Some(Finding::Unreadable { key: format!("{stream} {sequence}"), attribute })
        }
        _ => None,
    }
}

impl Reconciled {
    fn of(finding: Option<Finding>) -> Self {
        Self { findings: finding.into_iter().collect(), ..Self::default() }
    }
}

impl AddAssign for Reconciled {
    fn add_assign(&mut self, other: Self) {
        self.users += other.users;
        self.events += other.events;
        self.pending += other.pending;
        self.dead += other.dead;
        self.discarded += other.discarded;
        self.expired += other.expired;
        self.findings.extend(other.findings);
    }
}

impl Finding {
    /// What it is, in one word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "missing",
            Self::BeyondVersion { .. } => "beyond-version",
            Self::NoUser { .. } => "no-user",
            Self::RepeatedId { .. } => "repeated-id",
            Self::Overtaken { .. } => "overtaken",
            Self::Unreadable { .. } => "unreadable",
            Self::UnknownStream { .. } => "unknown-stream",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { stream, numbers } if numbers.start() == numbers.end() => {
                write!(f, "{stream}: event {} is missing", numbers.start())
            }
            Self::Missing { stream, numbers } => {
                write!(f, "{stream}: events {} to {} are missing", numbers.start(), numbers.end())
            }
            Self::BeyondVersion { key, version } => {
                write!(f, "{}: event {} is beyond the version, {version}", key.stream, key.sequence)
            }
            Self::NoUser { stream } => write!(f, "{stream}: there is no such user"),
            Self::RepeatedId { key, event_id } => {
                write!(f, "{}: event {} has an id of another one, {event_id}", key.stream, key.sequence)
            }
            Self::Overtaken { key, by } => {
                write!(f, "{}: event {} waits, though {by} was delivered", key.stream, key.sequence)
            }
            Self::Unreadable { key, attribute } => write!(f, "{key}: its `{attribute}` cannot be read"),
            Self::UnknownStream { stream } => write!(f, "{stream}: the table has no such streams"),
        }
    }
}
