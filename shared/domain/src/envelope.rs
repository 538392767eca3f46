//! Published events.

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::{
    AttributesSchema, DeviceFamily, Event, EventId, EventKind, StatedReason, Timestamp, event::Person,
};

/// The amount of personal data in published events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// Ids only.
    Ids,
    /// Ids, e-mail address and names.
    Profile,
}

/// The settings of published events, which are CloudEvents 1.0 in JSON.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The CloudEvents `source`: the deployment's public URL.
    pub source: String,
    /// A number that an operator raises after a restore, so that reused sequence numbers can be
    /// distinguished.
    pub epoch: u64,
    /// The amount of personal data.
    pub detail: Detail,
}

/// The text is not an event.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not an event")]
pub struct InvalidEnvelope;

#[derive(Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct CloudEvent<'a> {
    /// The version of CloudEvents.
    specversion: &'static str,
    /// The event's id, for de-duplication.
    id: EventId,
    /// The deployment's public URL.
    source: &'a str,
    /// The event type.
    r#type: &'static str,
    /// The user, role or request that the event belongs to. Events of a subject are delivered in order.
    subject: String,
    /// The time of the change.
    time: Timestamp,
    /// The media type of `data`.
    datacontenttype: &'static str,
    /// The id of the schema of `data`.
    dataschema: String,
    /// The event's number within its subject, without gaps; sorts as text.
    // CloudEvents' `sequence` extension is a string in lexicographic order.
    sequence: String,
    /// The epoch, which is raised after a restore of the tables.
    epoch: u64,
    /// The actor: `anonymous`, `operator`, `system`, or `user:` and an id. New values may be added.
    actor: String,
    /// The correlation id of the request.
    correlationid: &'a str,
    /// The W3C trace context of the request, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    /// The fields of this event type.
    data: EventKind,
}

impl Envelope {
    /// Renders the exact text of EventBridge's `detail`.
    #[must_use]
    pub fn render(&self, event: &Event) -> String {
        let data = match self.detail {
            Detail::Profile => event.kind.clone(),
            Detail::Ids => event.kind.clone().without_person(),
        };
        let kind = event.kind.name();
        let cloud_event = CloudEvent {
            specversion: "1.0",
            id: event.context.event_id,
            source: &self.source,
            r#type: kind,
            subject: event.stream.to_string(),
            time: event.context.occurred_at,
            datacontenttype: "application/json",
            dataschema: format!("urn:gatepost:event:{kind}:{}", event.kind.version()),
            sequence: format!("{:012}", event.sequence),
            epoch: self.epoch,
            actor: event.context.actor.to_string(),
            correlationid: &event.context.correlation_id,
            traceparent: event.context.traceparent.as_deref(),
            data,
        };
        // Serialization fails only for map keys that are not strings, or for a failing `Serialize`. Neither
        // exists here.
        serde_json::to_string(&cloud_event).unwrap_or_default()
    }

    /// Removes the personal data from a rendered event; `None` if it has none.
    ///
    /// # Errors
    /// [`InvalidEnvelope`] if the text is not a rendered event.
    pub fn redact(rendered: &str) -> Result<Option<String>, InvalidEnvelope> {
        let mut detail: Value = serde_json::from_str(rendered).map_err(|_| InvalidEnvelope)?;
        let data = detail.get_mut("data").and_then(Value::as_object_mut).ok_or(InvalidEnvelope)?;
        let before = data.len();
        let is_personal = |name: &str| {
            Person::FIELDS.contains(&name) || [StatedReason::FIELD, DeviceFamily::FIELD].contains(&name)
        };
        data.retain(|name, _| !is_personal(name));
        Ok((data.len() < before).then(|| detail.to_string()))
    }

    /// Removes the attributes that the user may not read, their names and values; `None` if the event has
    /// none.
    ///
    /// # Errors
    /// [`InvalidEnvelope`] if the text is not a rendered event.
    pub fn for_user(rendered: &str, schema: &AttributesSchema) -> Result<Option<String>, InvalidEnvelope> {
        const ATTRIBUTES: &str = "attributes";
        if !rendered.contains(ATTRIBUTES) {
            return Ok(None);
        }
        let mut detail: Value = serde_json::from_str(rendered).map_err(|_| InvalidEnvelope)?;
        let data = detail.get_mut("data").and_then(Value::as_object_mut).ok_or(InvalidEnvelope)?;
        let mut hidden = 0;
        if let Some(attributes) = data.get_mut(ATTRIBUTES).and_then(Value::as_object_mut) {
            hidden += attributes.len();
            attributes.retain(|name, _| schema.is_readable(name));
            hidden -= attributes.len();
        }
        if let Some(changed) = data.get_mut("changed").and_then(Value::as_array_mut) {
            let attribute = |name: &Value| Some(name.as_str()?.strip_prefix("attributes.")?.to_owned());
            hidden += changed.len();
            changed.retain(|name| attribute(name).is_none_or(|name| schema.is_readable(&name)));
            hidden -= changed.len();
        }
        Ok((hidden > 0).then(|| detail.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::samples;

    #[test]
    fn an_event_for_the_user_lacks_the_attributes_that_they_cannot_read() {
        let schema = r#"{"plan": {"type": "string"}, "risk": {"type": "integer", "read": "admin"}}"#;
        let schema = schema.parse().expect("a schema");
        let event = |attributes: &str, changed: &str| {
            format!(r#"{{"data":{{"attributes":{{{attributes}}},"changed":[{changed}],"email":"a@b.c"}}}}"#)
        };
        let whole = event(r#""plan":"pro","risk":7"#, r#""attributes.plan","attributes.risk","locale""#);
        let seen = event(r#""plan":"pro""#, r#""attributes.plan","locale""#);

        assert_eq!(Envelope::for_user(&whole, &schema), Ok(Some(seen.clone())));
        assert_eq!(Envelope::for_user(&seen, &schema), Ok(None));
        assert_eq!(Envelope::for_user(r#"{"data":{}}"#, &schema), Ok(None));
        assert_eq!(Envelope::for_user("attributes", &schema), Err(InvalidEnvelope));
    }

    /// Compares an event of each type with and without personal data.
    #[test]
    fn a_redacted_event_equals_one_with_ids_only() {
        let envelope = |detail| Envelope { source: "https://id.example.com".to_owned(), epoch: 1, detail };
        let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let mut redacted = 0;
        for event in samples::all() {
            let (whole, ids) =
                (envelope(Detail::Profile).render(&event), envelope(Detail::Ids).render(&event));
            match Envelope::redact(&whole).expect("an event") {
                Some(without) => {
                    assert_eq!(parse(&without), parse(&ids));
                    redacted += 1;
                }
                None => assert_eq!(whole, ids, "it has no personal data"),
            }
            assert_eq!(Envelope::redact(&ids), Ok(None));
        }
        assert!(redacted >= 3, "some events have personal data");
        for none in ["", "{}", "[]", r#"{"data": "x"}"#] {
            assert_eq!(Envelope::redact(none), Err(InvalidEnvelope), "{none}");
        }
    }
}
