//! Holding every user's version against the events: number 1 to the version, each exactly once.

use std::{collections::HashSet, ops::AddAssign, time::Duration};

use domain::{EventId, Timestamp, UserId};

use crate::{EventKey, Finding, Identities, Outbox, OutboxItem, State, StoreError, StoredEvent, UserVersion};

/// An event that waits behind a delivered one was published, and its mark was lost: the sweeper
/// publishes it again soon after its grace. One that still waits after that is stuck.
const SWEPT: Duration = Duration::from_mins(30);

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

/// An event's number, and the event if it can be read.
type Numbered = (u64, Option<StoredEvent>);

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
    pub async fn user(&self, user: &UserVersion) -> Result<Reconciled, StoreError> {
        let stream = format!("user#{}", user.id);
        let (mut events, mut start) = (Vec::new(), None);
        loop {
            let page = self.outbox.history(&stream, start).await?;
            events.extend(page.items.into_iter().filter_map(numbered));
            start = page.next;
            if start.is_none() {
                break;
            }
        }
        let newest = events.last().map_or(0, |(number, _)| *number);
        let mut version = user.version;
        if newest > version {
            // The events were read after the version: there may have been another change in between.
            let Some(user) = self.identities.user_version(user.id).await? else {
                return Ok(Reconciled::of(Some(Finding::NoUser { stream })));
            };
            version = user.version.min(newest);
        }
        let (made, beyond): (Vec<_>, Vec<_>) =
            events.into_iter().partition(|(number, _)| (1..=version).contains(number));
        let mut reconciled = self.gaps(&stream, user.created_at, version, &made);
        let beyond = beyond.into_iter().map(|(sequence, _)| EventKey { stream: stream.clone(), sequence });
        reconciled.findings.extend(beyond.map(|key| Finding::BeyondVersion { key, version }));
        let events: Vec<StoredEvent> = made.into_iter().filter_map(|(_, event)| event).collect();
        reconciled.findings.extend(self.overtaken(&events));
        reconciled.count(&events);
        Ok(reconciled)
    }

    /// What is missing of 1 to the version. It was committed after the event below it, and so has
    /// expired no earlier.
    fn gaps(&self, stream: &str, created_at: Timestamp, version: u64, made: &[Numbered]) -> Reconciled {
        let mut reconciled = Reconciled { users: 1, events: made.len() as u64, ..Default::default() };
        let (mut below, mut expected) = (created_at, 1);
        let end = [(version.saturating_add(1), None)];
        for (number, event) in made.iter().chain(&end) {
            let numbers = expected..=number - 1;
            if !numbers.is_empty() && self.kept_since.is_some_and(|since| below < since) {
                reconciled.expired += number - expected;
            } else if !numbers.is_empty() {
                reconciled.findings.push(Finding::Missing { stream: stream.to_owned(), numbers });
            }
            below = event.as_ref().map_or(below, |event| event.created_at);
            expected = number.saturating_add(1);
        }
        reconciled
    }

    /// A pending event that the sweeper should have published long ago.
    fn overtaken(&self, events: &[StoredEvent]) -> Option<Finding> {
        let long_ago = self.now.minus(SWEPT);
        let is_given_time = |event: &StoredEvent| event.requeued_at.is_some_and(|moment| moment >= long_ago);
        let is_stuck = |event: &StoredEvent| event.state == State::Pending && !is_given_time(event);
        let (at, waits) = events.iter().enumerate().find(|(_, event)| is_stuck(event))?;
        let by =
            events[at..].iter().find(|event| event.delivered_at.is_some_and(|moment| moment < long_ago))?;
        Some(Finding::Overtaken { key: waits.key.clone(), by: by.key.sequence })
    }

    /// Notes that a user is reconciled.
    pub fn has(&mut self, user: UserId) {
        self.users.insert(user);
    }

    /// Looks at an item of the table Events by itself, once the users are reconciled. The ids of all
    /// events are kept in memory, some 32 bytes each.
    ///
    /// # Errors
    /// If one of the tables does not answer.
    pub async fn item(&mut self, item: OutboxItem) -> Result<Reconciled, StoreError> {
        let event = match item {
            OutboxItem::Event(event) => event,
            item => return Ok(Reconciled::of(unreadable(item))),
        };
        let mut reconciled = Reconciled::of(self.repeated(&event));
        let stream = &event.key.stream;
        match stream.split_once('#') {
            Some(("user", id)) => match id.parse() {
                Ok(id) => reconciled += self.latecomer(stream, id).await?,
                Err(_) => reconciled.findings.push(Finding::UnknownStream { stream: stream.clone() }),
            },
            // Of these there is one event each; what they are of expires by itself, or is written over.
            Some(("registration" | "resend" | "reset" | "digest", _)) if event.key.sequence == 1 => {}
            Some(("registration" | "resend" | "reset" | "digest", _)) => {
                reconciled.findings.push(Finding::BeyondVersion { key: event.key, version: 1 });
            }
            // Roles are few, and a role's version is that of its last event by the same transaction.
            Some(("role", _)) => {}
            _ => reconciled.findings.push(Finding::UnknownStream { stream: stream.clone() }),
        }
        Ok(reconciled)
    }

    /// A user who was not there when the users were read.
    async fn latecomer(&mut self, stream: &str, id: UserId) -> Result<Reconciled, StoreError> {
        if !self.users.insert(id) {
            return Ok(Reconciled::default());
        }
        match self.identities.user_version(id).await? {
            Some(user) => self.user(&user).await,
            None => Ok(Reconciled::of(Some(Finding::NoUser { stream: stream.to_owned() }))),
        }
    }

    fn repeated(&mut self, event: &StoredEvent) -> Option<Finding> {
        let (key, event_id) = (event.key.clone(), event.event_id.clone());
        match event_id.parse::<EventId>() {
            Ok(id) if self.event_ids.insert(id.uuid().as_u128()) => None,
            Ok(_) => Some(Finding::RepeatedId { key, event_id }),
            Err(_) => Some(Finding::Unreadable { key: key.to_string(), attribute: "event_id".to_owned() }),
        }
    }
}

fn numbered(item: OutboxItem) -> Option<Numbered> {
    match item {
        OutboxItem::Event(event) => Some((event.key.sequence, Some(event))),
        OutboxItem::Unreadable { sequence, .. } => Some((sequence.parse().ok()?, None)),
        OutboxItem::Quarantined { .. } | OutboxItem::Internal => None,
    }
}

fn unreadable(item: OutboxItem) -> Option<Finding> {
    match item {
        OutboxItem::Unreadable { stream, sequence, attribute } => {
            Some(Finding::Unreadable { key: format!("{stream} {sequence}"), attribute })
        }
        _ => None,
    }
}

impl Reconciled {
    fn of(finding: Option<Finding>) -> Self {
        Self { findings: finding.into_iter().collect(), ..Self::default() }
    }

    fn count(&mut self, events: &[StoredEvent]) {
        for event in events {
            match event.state {
                State::Pending => self.pending += 1,
                State::Dead => self.dead += 1,
                State::Discarded => self.discarded += 1,
                State::Delivered => {}
            }
        }
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
