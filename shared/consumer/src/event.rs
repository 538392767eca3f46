//! Events from the bus or from the table Events.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use thiserror::Error;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::Unhandled;

/// An event of Gatepost.
#[derive(Debug)]
pub struct Event {
    /// The id, by which consumers de-duplicate. The bus's own id differs for each publication.
    pub id: String,
    /// The type, e.g. `user.registered`.
    pub kind: String,
    /// The subject, e.g. `user#0193…`.
    pub subject: String,
    /// The number among the events of the subject: 1, 2, 3…
    pub sequence: u64,
    /// The event epoch. It is raised after a restore of the tables, because sequence numbers can then be
    /// reused.
    pub epoch: u64,
    /// The time of the change, in milliseconds since the Unix epoch.
    pub occurred_at_millis: i64,
    /// The correlation id of the request.
    pub correlation_id: String,
    /// The W3C Trace Context to continue, if the event comes from a request.
    pub traceparent: Option<String>,
    data: Box<RawValue>,
}

/// The text is not an event of Gatepost. The error does not contain it.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not an event of Gatepost")]
pub struct InvalidEvent;

#[derive(Deserialize)]
struct Delivery {
    detail: Box<RawValue>,
}

#[derive(Deserialize)]
struct CloudEvent {
    specversion: String,
    id: String,
    r#type: String,
    subject: String,
    time: String,
    sequence: String,
    epoch: u64,
    correlationid: String,
    traceparent: Option<String>,
    data: Box<RawValue>,
}

impl Event {
    /// Parses a delivery of EventBridge, whose `detail` is a CloudEvents object.
    ///
    /// # Errors
    /// [`InvalidEvent`] if the text is something else.
    pub fn from_delivery(message: &str) -> Result<Self, InvalidEvent> {
        let delivery: Delivery = serde_json::from_str(message).map_err(|_| InvalidEvent)?;
        Self::from_detail(delivery.detail.get())
    }

    /// Parses a CloudEvents object, which is the `detail` of a delivery or of an item in the table Events.
    ///
    /// # Errors
    /// [`InvalidEvent`] if the text is something else.
    pub fn from_detail(detail: &str) -> Result<Self, InvalidEvent> {
        let read: CloudEvent = serde_json::from_str(detail).map_err(|_| InvalidEvent)?;
        if read.specversion != "1.0" {
            return Err(InvalidEvent);
        }
        let time = OffsetDateTime::parse(&read.time, &Rfc3339).map_err(|_| InvalidEvent)?;
        Ok(Self {
            id: read.id,
            kind: read.r#type,
            subject: read.subject,
            sequence: read.sequence.parse().map_err(|_| InvalidEvent)?,
            epoch: read.epoch,
            occurred_at_millis: time.unix_timestamp() * 1000 + i64::from(time.millisecond()),
            correlation_id: read.correlationid,
            traceparent: read.traceparent,
            data: read.data,
        })
    }

    /// Returns the id in a subject of this `kind`: `0193…` for `user#0193…`.
    #[must_use]
    pub fn subject_id(&self, kind: &str) -> Option<&str> {
        self.subject.strip_prefix(kind)?.strip_prefix('#')
    }

    /// Returns the id of the trace for logs: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref()?.get(3..35)
    }

    /// Parses the data of the event.
    ///
    /// # Errors
    /// Poison, if the data does not match the type.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Unhandled> {
        serde_json::from_str(self.data.get()).map_err(|_| Unhandled::poison(InvalidEvent))
    }
}

#[cfg(test)]
mod tests {
    use domain::{Actor, Detail, Envelope, EventContext, EventKind, Id, SessionEnd, Stream, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn delivery(event: &domain::Event) -> String {
        let envelope =
            Envelope { source: "https://id.example.com".to_owned(), epoch: 3, detail: Detail::Profile };
        let detail = envelope.render(event);
        format!(r#"{{"version":"0","id":"of-the-bus","source":"gatepost","detail":{detail}}}"#)
    }

    fn event(stream: Stream, id: u8, millis: i64) -> domain::Event {
        let context = EventContext {
            event_id: Id::new(Timestamp::from_millis(5), [id; 10]),
            occurred_at: Timestamp::from_millis(millis),
            actor: Actor::Anonymous,
            correlation_id: "request-1".to_owned(),
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        };
        let session_id = Id::new(Timestamp::from_millis(5), [9; 10]);
        let kind = EventKind::SessionEnded { session_id, reason: SessionEnd::LoggedOut, device: None };
        domain::Event { stream, sequence: 12, context, kind }
    }

    proptest! {
        #[test]
        fn what_is_rendered_is_read_again(
            uuid in any::<[u8; 10]>(),
            kind in 0..3_usize,
            id in any::<u8>(),
            millis in 0..253_402_300_800_000_i64,
        ) {
            let now = Timestamp::from_millis(1);
            let streams = [
                ("user", Stream::User(Id::new(now, uuid))),
                ("registration", Stream::Registration(Id::new(now, uuid))),
                ("resend", Stream::Resend(Id::new(now, uuid))),
            ];
            let (kind, stream) = streams[kind].clone();
            let event = event(stream, id, millis);

            let read = Event::from_delivery(&delivery(&event)).expect("an event");

            prop_assert_eq!(&read.id, &event.context.event_id.to_string());
            prop_assert_eq!(&read.subject, &event.stream.to_string());
            prop_assert_eq!(read.subject_id(kind).map(str::len), Some(36));
            prop_assert_eq!(read.subject_id("us"), None);
            prop_assert_eq!((read.kind.as_str(), read.sequence, read.epoch), ("session.ended", 12, 3));
            prop_assert_eq!(read.occurred_at_millis, millis);
            prop_assert_eq!(&read.correlation_id, "request-1");
            prop_assert_eq!(read.trace_id(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
            let data: serde_json::Value = read.data().expect("data");
            prop_assert_eq!(&data["reason"], "logged-out");
        }

        #[test]
        fn nothing_makes_the_parser_panic(message in ".*") {
            let _ = Event::from_delivery(&message);
        }
    }

    #[test]
    fn texts_that_are_not_events_are_refused() {
        let user = Stream::User(Id::new(Timestamp::from_millis(1), [1; 10]));
        let good = delivery(&event(user, 1, 7));
        assert!(Event::from_delivery(&good).is_ok());
        let spoiled = [
            (r#""subject""#, r#""object""#),
            (r#""1.0""#, r#""2.0""#),
            (r#""000000000012""#, r#""twelve""#),
            (r#""epoch":3"#, r#""epoch":-3"#),
            (r#""time":"1970"#, r#""time":"then"#),
            (r#""detail":"#, r#""details":"#),
        ];
        for (from, to) in spoiled {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            assert_eq!(Event::from_delivery(&bad).err(), Some(InvalidEvent), "{to}");
        }
    }
}
