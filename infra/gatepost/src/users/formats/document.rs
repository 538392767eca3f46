//! A JSON document with a list of users, parsed one user at a time.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::{
    rows::{Place, Row, object, without_mark},
    stable_file::StableFile,
};
use crate::error::CliError;

/// The fields that contain the users: of Keycloak and Firebase, and of Cognito's `list-users`.
const LISTS: [&str; 2] = ["users", "Users"];

/// Calls `each` with every user in sequence. Returns whether the file is such a document.
pub(super) fn visit(
    file: &mut StableFile,
    each: &mut dyn FnMut(Place, Row) -> Result<(), CliError>,
) -> Result<bool, CliError> {
    let (mut reading, mut stopped) = (file.read()?, None);
    if let Err(error) = without_mark(&mut reading) {
        return Err(file.failed(error));
    }
    let mut json = serde_json::Deserializer::from_reader(reading);
    let outcome = Document { each, stopped: &mut stopped, is_within: false }.deserialize(&mut json);
    let outcome = outcome.and_then(|has_list| json.end().map(|()| has_list));
    match (stopped, outcome) {
        (Some(error), _) => Err(error),
        (None, Err(error)) if error.is_io() => Err(file.failed(error.into())),
        (None, outcome) => Ok(outcome.unwrap_or(false)),
    }
}

/// Parses a document, and returns whether it has a list.
struct Document<'a> {
    each: &'a mut dyn FnMut(Place, Row) -> Result<(), CliError>,
    /// The error with which `each` has stopped.
    stopped: &'a mut Option<CliError>,
    /// Whether this is the value of a field of [`LISTS`].
    is_within: bool,
}

impl<'json> DeserializeSeed<'json> for Document<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'json>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'json> Visitor<'json> for Document<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of users")
    }

    fn visit_seq<A: SeqAccess<'json>>(self, mut list: A) -> Result<bool, A::Error> {
        let mut number = 0;
        while let Some(value) = list.next_element::<Value>()? {
            number += 1;
            if let Err(error) = (self.each)(Place::Entry(number), object(value)) {
                *self.stopped = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'json>>(self, mut fields: A) -> Result<bool, A::Error> {
        let mut has_list = false;
        while let Some(name) = fields.next_key::<String>()? {
            if self.is_within || has_list || !LISTS.contains(&name.as_str()) {
                fields.next_value::<IgnoredAny>()?;
            } else {
                let list = Document { each: &mut *self.each, stopped: &mut *self.stopped, is_within: true };
                has_list = fields.next_value_seed(list)?;
            }
        }
        Ok(has_list)
    }
}
