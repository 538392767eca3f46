//! What must hold when the faults have stopped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    people::Ack,
    play::Publication,
    state::{State, is_event_stream, status_after},
};

/// The promises, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Every committed change has exactly one event, numbered 1, 2, 3…
    Numbered,
    /// Each event was published at least once.
    Published,
    /// First publications are in order, for each subject and epoch.
    Ordered,
    /// Whatever was published was committed.
    Committed,
    /// An event is the same text each time.
    Frozen,
    /// No acknowledged answer was taken back.
    Kept,
    /// Nothing waits for ever, and nothing is dead that need not be.
    Moving,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which one.
    pub invariant: Invariant,
    /// Where.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}

impl State {
    /// Each user has as many events as changes, and as many sessions and the status as they say.
    pub(crate) fn numbering(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let nothing = BTreeMap::new();
        for (user, version) in &self.users {
            let events = self.events.get(user).unwrap_or(&nothing);
            if !events.keys().copied().eq(1..=*version) {
                wrong.push(format!("{user} is at {version}, its events are {:?}", events.keys()));
            }
        }
        for (stream, events) in &self.events {
            if !events.keys().copied().eq(1..=events.len() as u64) {
                wrong.push(format!("{stream} has {:?}", events.keys()));
            }
        }
        for (user, status) in &self.statuses {
            let told = status_after(self.events.get(user).unwrap_or(&nothing).values());
            if status != told {
                wrong.push(format!("{user} is {status}, by the events {told}"));
            }
        }
        let open = self.sessions_by_events();
        if open != self.sessions {
            wrong.push(format!("the sessions are {:?}, by the events they are {open:?}", self.sessions));
        }
        wrong.into_iter().map(|what| Violation { invariant: Invariant::Numbered, what }).collect()
    }

    /// What an answer has promised is so.
    pub(crate) fn keeping<'a>(&self, acks: impl Iterator<Item = &'a Ack>) -> Vec<Violation> {
        let has = |kind: &str, name: &str, value: &str| {
            self.all().any(|event| event.kind == kind && event.detail["data"][name] == *value)
        };
        let open = self.sessions_by_events();
        let mut counted = BTreeMap::<&str, usize>::new();
        let mut wrong = Vec::new();
        for ack in acks {
            let is_kept = match ack {
                Ack::Done(kind) => {
                    let promised = counted.entry(kind).or_default();
                    *promised += 1;
                    self.all().filter(|event| event.kind == *kind).count() >= *promised
                }
                Ack::Had(kind, user) => {
                    let events = self.events.get(&format!("user#{user}"));
                    events.is_some_and(|events| events.values().any(|event| event.kind == *kind))
                }
                Ack::Verified(user) => self.users.contains_key(&format!("user#{user}")),
                Ack::Started(session) | Ack::Refreshed(session) => {
                    has("session.started", "session_id", session)
                        && self.sessions.contains(session) == open.contains(session)
                }
                // A restore may have taken back that it ever started.
                Ack::Ended(session) => !self.sessions.contains(session) && !open.contains(session),
            };
            if !is_kept {
                wrong.push(Violation { invariant: Invariant::Kept, what: format!("{ack:?}") });
            }
        }
        wrong
    }

    /// Everything was published or is rightly dead.
    pub(crate) fn delivery(&self, published: &[Publication]) -> Vec<Violation> {
        let published: BTreeSet<_> = published.iter().map(|publication| &publication.event_id).collect();
        let mut wrong = Vec::new();
        for (stream, events) in &self.events {
            for (number, event) in events {
                let what = format!("{stream}, {number}, is {}", event.state);
                if event.must_die {
                    if event.state != "dead" {
                        wrong.push(Violation { invariant: Invariant::Moving, what });
                    }
                    continue;
                }
                if event.state != "delivered" {
                    wrong.push(Violation { invariant: Invariant::Moving, what: what.clone() });
                }
                if !published.contains(&event.id) {
                    wrong.push(Violation { invariant: Invariant::Published, what });
                }
            }
        }
        wrong
    }
}

/// First publications that came after a later one's.
pub(crate) fn order(published: &[Publication]) -> Vec<Violation> {
    let (mut seen, mut last) = (BTreeSet::new(), BTreeMap::new());
    let mut wrong = Vec::new();
    for Publication { event_id, subject, epoch, sequence } in published {
        if !is_event_stream(subject) || !seen.insert(event_id) {
            continue;
        }
        let last = last.entry((subject, epoch)).or_default();
        if *sequence <= *last {
            let what = format!("{subject}: {sequence} of epoch {epoch} came after {last}");
            wrong.push(Violation { invariant: Invariant::Ordered, what });
        }
        *last = (*sequence).max(*last);
    }
    wrong
}

/// What was published and is of no table.
pub(crate) fn committed(published: &[Publication], committed: &BTreeSet<String>) -> Vec<Violation> {
    let strangers = published.iter().filter(|publication| {
        is_event_stream(&publication.subject) && !committed.contains(&publication.event_id)
    });
    let violation = |publication: &Publication| Violation {
        invariant: Invariant::Committed,
        what: format!("{publication:?}"),
    };
    strangers.map(violation).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::deployment::Tables;

    fn user(version: u64) -> Value {
        json!({"pk": {"S": "USER#1"}, "sk": {"S": "USER"}, "status": {"S": "active"},
            "version": {"N": version.to_string()}, "epoch": {"N": "1"}})
    }

    fn session(id: &str) -> Value {
        json!({"pk": {"S": "USER#1"}, "sk": {"S": format!("SESSION#{id}")}, "epoch": {"N": "1"}})
    }

    fn event(number: u64, kind: &str, session: &str) -> Value {
        let detail = json!({"data": {"session_id": session}}).to_string();
        json!({
            "stream": {"S": "user#1"}, "seq": {"N": number.to_string()}, "state": {"S": "delivered"},
            "event_id": {"S": format!("e{number}")}, "detail_type": {"S": kind}, "detail": {"S": detail},
        })
    }

    fn state(identities: Vec<Value>, events: Vec<Value>) -> State {
        State::of(&Tables::from([("Identities".to_owned(), identities), ("Events".to_owned(), events)]))
    }

    fn publication(sequence: u64, epoch: u64) -> Publication {
        let (event_id, subject) = (format!("e{sequence}/{epoch}"), "user#1".to_owned());
        Publication { event_id, subject, epoch, sequence }
    }

    #[test]
    fn a_change_without_its_event_and_an_event_without_its_change_are_seen() {
        let registered = || event(1, "user.registered", "");
        let started = || event(2, "session.started", "s");
        let sound = state(vec![user(2), session("s")], vec![registered(), started()]);
        assert_eq!(sound.numbering(), []);

        for unsound in [
            state(vec![user(3), session("s")], vec![registered(), started()]),
            state(vec![user(1), session("s")], vec![registered(), started()]),
            state(vec![user(2)], vec![registered(), started()]),
            state(vec![user(2), session("s"), session("t")], vec![registered(), started()]),
            state(vec![user(2), session("s")], vec![started()]),
            state(vec![user(3)], vec![registered(), started(), event(3, "user.suspended", "")]),
            state(vec![user(2), session("s")], vec![registered(), event(3, "session.started", "s")]),
        ] {
            assert!(!unsound.numbering().is_empty());
        }
    }

    #[test]
    fn a_promise_that_was_taken_back_is_seen() {
        let events = || vec![event(1, "user.registered", ""), event(2, "session.started", "s")];
        let open = state(vec![user(2), session("s")], events());
        let gone = state(vec![user(2)], events());
        let kept = |state: &State, ack: Ack| state.keeping([&ack].into_iter()).is_empty();

        for ack in [Ack::Verified("1".into()), Ack::Started("s".into()), Ack::Refreshed("s".into())] {
            assert!(kept(&open, ack));
        }
        for ack in [
            Ack::Verified("2".into()),
            Ack::Started("t".into()),
            Ack::Ended("s".into()),
            Ack::Done("registration.requested"),
        ] {
            assert!(!kept(&open, ack));
        }
        assert!(!kept(&gone, Ack::Started("s".into())), "nothing says that it has ended");
    }

    #[test]
    fn what_was_published_too_early_or_was_never_committed_is_seen() {
        let in_order = [publication(1, 1), publication(2, 1), publication(1, 1), publication(1, 2)];
        assert_eq!(order(&in_order), [], "again is not too late, and an epoch counts anew");
        assert_eq!(order(&[publication(2, 1), publication(1, 1)]).len(), 1);

        let known = BTreeSet::from(["e1/1".to_owned()]);
        assert_eq!(committed(&[publication(1, 1)], &known), []);
        assert_eq!(committed(&[publication(2, 1)], &known).len(), 1);
    }
}
