//! One event of each type.

use crate::{
    Actor, Cause, Detail, Email, Envelope, Event, EventKind, Id, Name, PasswordHash, Registration,
    SessionEnd, Stream, Timestamp,
};

/// 21 November 2026, 03:00 UTC.
const START_MILLIS: i64 = 1_795_230_000_000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(START_MILLIS + millis)
}

fn cause(number: u8, actor: Actor) -> Cause {
    let occurred_at = at(i64::from(number) * 1000);
    Cause {
        event_id: Id::new(occurred_at, [number; 10]),
        occurred_at,
        actor,
        correlation_id: format!("70ba2656-c5b7-4671-9119-3bacce78e78{number}"),
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
    }
}

/// One event of each type, as the domain makes them.
pub(super) fn all() -> Vec<Event> {
    let person = || {
        let name = |name| Name::parse(name).ok();
        (Email::parse("Ada@example.com").expect("an address"), name("Ada"), name("Lovelace"))
    };
    let password_hash = PasswordHash { phc: String::new(), pepper_id: String::new() };
    let (registration, requested) = Registration::request(
        Id::new(at(0), [7; 10]),
        person(),
        password_hash,
        std::time::Duration::from_hours(24),
        cause(1, Actor::Anonymous),
    );
    let user = Actor::User(registration.id.user());
    let stream = Stream::User(registration.id.user());
    let (_, _, registered) = registration.verify(cause(3, Actor::Anonymous));
    let resend = Stream::Resend(Id::new(at(2000), [8; 10]));
    let asked_again = Event {
        stream: resend,
        sequence: 1,
        cause: cause(2, Actor::Anonymous),
        kind: EventKind::ResendRequested {},
    };
    let session_id = Id::new(at(4000), [9; 10]);
    let started =
        Event { stream, sequence: 2, cause: cause(4, user), kind: EventKind::SessionStarted { session_id } };
    let kind = EventKind::SessionEnded { session_id, reason: SessionEnd::LoggedOut };
    let ended = Event { stream, sequence: 3, cause: cause(5, user), kind };
    vec![requested, asked_again, registered, started, ended]
}

/// What is published of it.
pub(super) fn rendered(event: &Event, detail: Detail) -> serde_json::Value {
    let envelope = Envelope { source: "https://id.example.com".to_owned(), epoch: 1, detail };
    serde_json::from_str(&envelope.render(event)).expect("JSON")
}
