//! What must hold when the faults have stopped.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    people::Ack,
    play::Publication,
    state::{State, is_event_stream, roles_after, status_after},
};

/// The promises, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// Every committed change has exactly one event, numbered 1, 2, 3…
    Numbered,
    /// Roles are as the events say; each user has one address, which no other user has; a picture is stored
    /// exactly if a profile names it.
    Consistent,
    /// A user is left who can administer, and as many are counted as there are.
    Administrable,
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

    /// Each item of a user matches the others, and the events.
    pub(crate) fn consistency(&self) -> Vec<Violation> {
        let mut wrong = Vec::new();
        let nothing = BTreeMap::new();
        for (user, roles) in &self.roles {
            let told = roles_after(self.events.get(user).unwrap_or(&nothing).values());
            if *roles != told {
                wrong.push(format!("{user} has the roles {roles:?}, by the events {told:?}"));
            }
        }
        for (user, profile) in &self.profiles {
            if self.claims.get(&profile.address) != Some(user) {
                wrong.push(format!("{user} has not claimed {}", profile.address));
            }
            if self.pictures.get(user) != profile.picture.as_ref() {
                wrong.push(format!("{user} shows {:?}", profile.picture));
            }
        }
        let is_right = |(address, user): &(&String, &String)| {
            self.profiles.get(*user).is_some_and(|profile| profile.address == **address)
        };
        let claims = self.claims.iter().filter(|claim| !is_right(claim));
        wrong.extend(claims.map(|(address, user)| format!("{address} is claimed for {user}")));
        let strangers = self.pictures.keys().filter(|user| !self.profiles.contains_key(*user));
        wrong.extend(strangers.map(|user| format!("a picture is stored of {user}")));
        wrong.into_iter().map(|what| Violation { invariant: Invariant::Consistent, what }).collect()
    }

    /// A user is left who can administer, and the count by which the last one is known is right.
    pub(crate) fn administration(&self) -> Option<Violation> {
        let (administrators, counted) = (self.administrators, self.counted_administrators);
        let is_right = administrators > 0 && administrators as u64 == counted;
        let what = format!("{administrators} users can administer, {counted} are counted");
        (!is_right).then_some(Violation { invariant: Invariant::Administrable, what })
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
                Ack::Verified(user) | Ack::Invited(user) => self.users.contains_key(&format!("user#{user}")),
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

    /// A user with a role, an address and a picture.
    fn profile() -> [Value; 4] {
        let mut user = user(2);
        user["canonical_email"] = json!({"S": "a@example.com"});
        user["roles"] = json!({"L": [{"S": "admin"}]});
        user["picture"] = json!({"S": "p"});
        [
            user,
            json!({"pk": {"S": "EMAIL#a@example.com"}, "sk": {"S": "CREDENTIAL"}, "user_id": {"S": "1"}}),
            json!({"pk": {"S": "USER#1"}, "sk": {"S": "PICTURE"}, "id": {"S": "p"}}),
            json!({"pk": {"S": "ADMINISTRATORS"}, "sk": {"S": "ADMINISTRATORS"}, "administrators": {"N": "1"}}),
        ]
    }

    /// The events of that user.
    fn granted() -> Vec<Value> {
        let mut granted = event(2, "user.role-granted", "");
        granted["detail"] = json!({"S": json!({"data": {"role": "admin"}}).to_string()});
        vec![event(1, "user.registered", ""), granted]
    }

    #[test]
    fn items_that_do_not_match_are_seen() {
        assert_eq!(state(profile().into(), granted()).consistency(), []);

        for (item, name, other) in [
            (0, "roles", json!({"L": []})),
            (0, "canonical_email", json!({"S": "b@example.com"})),
            (0, "picture", json!({"S": "q"})),
            (0, "picture", Value::Null),
            (0, "status", json!({"S": "erased"})),
            (1, "user_id", json!({"S": "2"})),
            (2, "id", json!({"S": "q"})),
        ] {
            let mut items = profile();
            items[item][name] = other;
            assert!(!state(items.into(), granted()).consistency().is_empty(), "{item} {name}");
        }
        let registered_only = vec![event(1, "user.registered", "")];
        assert!(!state(profile().into(), registered_only).consistency().is_empty());
    }

    #[test]
    fn a_last_administrator_who_is_gone_is_seen() {
        assert_eq!(state(profile().into(), granted()).administration(), None);

        for (item, name, other) in [
            (0, "roles", json!({"L": []})),
            (0, "status", json!({"S": "suspended"})),
            (0, "invited_at", json!({"N": "1"})),
            (0, "no_password", json!({"S": "yes"})),
            (3, "administrators", json!({"N": "2"})),
        ] {
            let mut items = profile();
            items[item][name] = other;
            assert!(state(items.into(), granted()).administration().is_some(), "{item} {name}");
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
