//! What is to become of a profile: a JSON Merge Patch (RFC 7396).

use std::collections::BTreeMap;

use domain::{AttributeChanges, AttributesSchema, Change, InvalidAttribute, Locale, Name, ProfileChange};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::{FieldProblem, Member, Never, ProblemType};

/// What to change. A member that is missing stays as it is, one that is `null` is removed.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfilePatch {
    /// The first name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub first_name: Member<String>,
    /// The last name.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub last_name: Member<String>,
    /// A language tag.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub locale: Member<String>,
    /// What the service declares.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub attributes: Member<BTreeMap<String, Value>>,
    /// Only `null` is taken: another picture is set by `PUT /v1/me/picture`.
    #[serde(default)]
    #[schemars(with = "()")]
    pub picture: Member<Never>,
}

impl ProfilePatch {
    /// What it changes, if the service declares such attributes.
    ///
    /// # Errors
    /// All fields that are not acceptable.
    pub fn parse(self, schema: &AttributesSchema) -> Result<ProfileChange, Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let change = ProfileChange {
            first_name: self.first_name.parse("/first_name", &mut wrong, Name::parse),
            last_name: self.last_name.parse("/last_name", &mut wrong, Name::parse),
            locale: self.locale.parse("/locale", &mut wrong, Locale::parse),
            attributes: match self.attributes {
                Member::Absent => Change::Keep,
                Member::Null => Change::Remove,
                Member::Value(values) => Change::Set(attributes(&values, schema, &mut wrong)),
            },
            removes_picture: self.picture.is_null(),
        };
        if wrong.is_empty() { Ok(change) } else { Err(wrong) }
    }
}

/// What is declared no more can still be removed.
fn attributes(
    values: &BTreeMap<String, Value>,
    schema: &AttributesSchema,
    wrong: &mut Vec<FieldProblem>,
) -> AttributeChanges {
    let mut changes = AttributeChanges::new();
    for (name, value) in values {
        if value.is_null() {
            changes.insert(name.clone(), None);
            continue;
        }
        match schema.parse(name, value) {
            Ok(value) => drop(changes.insert(name.clone(), Some(value))),
            // A name that is not declared is the sender's own text, which is not echoed.
            Err(error) if schema.declares(name) => wrong.push(problem(&format!("/attributes/{name}"), error)),
            Err(error) => wrong.push(problem("/attributes", error)),
        }
    }
    changes
}

impl From<InvalidAttribute> for FieldProblem {
    /// Of all attributes together.
    fn from(error: InvalidAttribute) -> Self {
        problem("/attributes", error)
    }
}

fn problem(pointer: &str, error: InvalidAttribute) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), &error)
}
