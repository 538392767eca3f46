//! An event as it comes back from the bus.

use domain::{EventId, Stream};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::Unhandled;

/// An event that the bus has brought.
#[derive(Debug)]
pub struct Incoming {
    /// What to de-duplicate on. The bus's own id changes whenever an event is published again.
    pub id: EventId,
    /// Its type, e.g. `user.registered`.
    pub kind: String,
    /// What it belongs to.
    pub stream: Stream,
    /// Its number within the stream.
    pub sequence: u64,
    /// Raised after a restore; numbers count anew within it.
    pub epoch: u64,
    /// The request that it happened on.
    pub correlation_id: String,
    data: Box<RawValue>,
}

/// A message is not an event of Gatepost. Says nothing of what it holds.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the message is not an event of Gatepost")]
pub(crate) struct Unreadable;

#[derive(Deserialize)]
struct Delivery {
    detail: CloudEvent,
}

#[derive(Deserialize)]
struct CloudEvent {
    specversion: String,
    id: String,
    r#type: String,
    subject: String,
    sequence: String,
    epoch: u64,
    correlationid: String,
    data: Box<RawValue>,
}

impl Incoming {
    /// Reads what EventBridge delivers: its own envelope, with a CloudEvents object as its `detail`.
    ///
    /// # Errors
    /// [`Unreadable`] if it is anything else.
    pub(crate) fn parse(message: &str) -> Result<Self, Unreadable> {
        let delivery: Delivery = serde_json::from_str(message).map_err(|_| Unreadable)?;
        let CloudEvent { specversion, id, r#type, subject, sequence, epoch, correlationid, data } =
            delivery.detail;
        if specversion != "1.0" {
            return Err(Unreadable);
        }
        Ok(Self {
            id: id.parse().map_err(|_| Unreadable)?,
            kind: r#type,
            stream: stream(&subject).ok_or(Unreadable)?,
            sequence: sequence.parse().map_err(|_| Unreadable)?,
            epoch,
            correlation_id: correlationid,
            data,
        })
    }

    /// The event's own data.
    ///
    /// # Errors
    /// As poison, if it is not what the type says.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Unhandled> {
        serde_json::from_str(self.data.get()).map_err(|_| Unhandled::poison(Unreadable))
    }
}

fn stream(subject: &str) -> Option<Stream> {
    let (kind, id) = subject.split_once('#')?;
    match kind {
        "user" => id.parse().ok().map(Stream::User),
        "registration" => id.parse().ok().map(Stream::Registration),
        "resend" => id.parse().ok().map(Stream::Resend),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::{Actor, Cause, Detail, Envelope, Event, EventKind, Id, SessionEnd, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn delivery(event: &Event) -> String {
        let envelope =
            Envelope { source: "https://id.example.com".to_owned(), epoch: 3, detail: Detail::Profile };
        let detail = envelope.render(event);
        format!(r#"{{"version":"0","id":"of-the-bus","source":"gatepost","detail":{detail}}}"#)
    }

    fn event(stream: Stream, id: u8) -> Event {
        let cause = Cause {
            event_id: Id::new(Timestamp::from_millis(5), [id; 10]),
            occurred_at: Timestamp::from_millis(7),
            actor: Actor::Anonymous,
            correlation_id: "request-1".to_owned(),
            traceparent: None,
        };
        let session_id = Id::new(Timestamp::from_millis(5), [9; 10]);
        let kind = EventKind::SessionEnded { session_id, reason: SessionEnd::LoggedOut };
        Event { stream, sequence: 12, cause, kind }
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_again(uuid in any::<[u8; 10]>(), kind in 0..3_usize, id in any::<u8>()) {
            let now = Timestamp::from_millis(1);
            let streams = [
                Stream::User(Id::new(now, uuid)),
                Stream::Registration(Id::new(now, uuid)),
                Stream::Resend(Id::new(now, uuid)),
            ];
            let event = event(streams[kind], id);

            let read = Incoming::parse(&delivery(&event)).expect("an event");

            prop_assert_eq!(read.id, event.cause.event_id);
            prop_assert_eq!(read.stream, event.stream);
            prop_assert_eq!((read.kind.as_str(), read.sequence, read.epoch), ("session.ended", 12, 3));
            prop_assert_eq!(&read.correlation_id, "request-1");
            let data: serde_json::Value = read.data().expect("data");
            prop_assert_eq!(&data["reason"], "logged-out");
        }

        #[test]
        fn nothing_makes_the_parser_panic(message in ".*") {
            let _ = Incoming::parse(&message);
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let user = Stream::User(Id::new(Timestamp::from_millis(1), [1; 10]));
        let good = delivery(&event(user, 1));
        assert!(Incoming::parse(&good).is_ok());
        let spoiled = [
            ("user#", "group#"),
            (r#""1.0""#, r#""2.0""#),
            (r#""000000000012""#, r#""twelve""#),
            (r#""epoch":3"#, r#""epoch":-3"#),
            (r#""detail":"#, r#""details":"#),
        ];
        for (from, to) in spoiled {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert_eq!(Incoming::parse(&bad).err(), Some(Unreadable), "{to}");
        }
    }
}
