//! The row of a user: the result of applying their events.

use std::{
    collections::{BTreeSet, HashMap},
    str::FromStr,
};

use aws_sdk_dynamodb::types::AttributeValue;
use gatepost_consumer::{Event, Unhandled};
use serde::Deserialize;

/// The row of a user in the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// The address; `None` with `EventDetail=ids`.
    pub email: Option<String>,
    /// The first name, if given.
    pub first_name: Option<String>,
    /// The last name, if given.
    pub last_name: Option<String>,
    /// The time at which the address was proven, in milliseconds since the Unix epoch.
    pub registered_at: Option<i64>,
    /// The time of the last log-in, in milliseconds since the Unix epoch.
    pub last_signed_in: Option<i64>,
    /// Active sessions. There is an event for each end except expiry, so expired sessions stay here.
    pub sessions: BTreeSet<String>,
}

/// The data of a user's events. Each event has a part of it.
#[derive(Deserialize)]
struct Data {
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default)]
    session_id: String,
    #[serde(default)]
    kept_session_id: String,
}

type Item = HashMap<String, AttributeValue>;

impl Row {
    /// Applies the next event.
    pub(crate) fn apply(&mut self, event: &Event) -> Result<(), Unhandled> {
        let Data { email, first_name, last_name, session_id, kept_session_id } = event.data()?;
        match event.kind.as_str() {
            "user.registered" => {
                (self.email, self.first_name, self.last_name) = (email, first_name, last_name);
                self.registered_at = Some(event.occurred_at_millis);
            }
            // Accepting an invitation proves the address.
            "user.invitation-accepted" => self.registered_at = Some(event.occurred_at_millis),
            "session.started" => {
                self.last_signed_in = Some(event.occurred_at_millis);
                self.sessions.insert(session_id);
            }
            "user.created" | "user.updated" => {
                (self.email, self.first_name, self.last_name) = (email, first_name, last_name);
            }
            "user.email-changed" => {
                (self.email, self.first_name, self.last_name) = (email, first_name, last_name);
                self.sessions.clear();
            }
            "sessions.ended" | "user.password-changed" => {
                self.sessions.retain(|session| *session == kept_session_id);
            }
            "user.password-reset" | "user.deletion-requested" => self.sessions.clear(),
            // Only the id of the user remains.
            "user.erased" => *self = Self::default(),
            "session.ended" => drop(self.sessions.remove(&session_id)),
            // Unknown types count for the position, and change nothing here.
            _ => {}
        }
        Ok(())
    }

    /// Returns the item, under the user's id.
    pub(crate) fn item(&self, user: &str) -> Item {
        let text = |text: &String| AttributeValue::S(text.clone());
        let number = |number: i64| AttributeValue::N(number.to_string());
        let sessions = self.sessions.iter().cloned().collect();
        let attributes = [
            ("user_id", Some(AttributeValue::S(user.to_owned()))),
            ("email", self.email.as_ref().map(text)),
            ("first_name", self.first_name.as_ref().map(text)),
            ("last_name", self.last_name.as_ref().map(text)),
            ("registered_at", self.registered_at.map(number)),
            ("last_signed_in", self.last_signed_in.map(number)),
            // DynamoDB has no empty sets.
            ("sessions", (!self.sessions.is_empty()).then_some(AttributeValue::Ss(sessions))),
        ];
        attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }

    /// Parses the row of an item.
    #[must_use]
    pub fn of(item: &Item) -> Self {
        let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).cloned();
        let number = |name: &str| item.get(name)?.as_n().ok().and_then(|number| i64::from_str(number).ok());
        let sessions = item.get("sessions").and_then(|value| value.as_ss().ok());
        Self {
            email: text("email"),
            first_name: text("first_name"),
            last_name: text("last_name"),
            registered_at: number("registered_at"),
            last_signed_in: number("last_signed_in"),
            sessions: sessions.into_iter().flatten().cloned().collect(),
        }
    }
}
