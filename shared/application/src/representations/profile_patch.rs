//! Changes of a profile as a JSON Merge Patch (RFC 7396).

use std::collections::BTreeMap;

use api::{FieldProblem, ProblemType};
use domain::{
    Accessor, AttributeChanges, AttributesSchema, Change, InvalidAttribute, Locale, Name, ProfileChange,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{Member, Never};

/// The changes. Missing members stay, `null` removes.
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
    /// The custom attributes that the caller may write.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub attributes: Member<BTreeMap<String, Value>>,
    /// Only `null` is accepted, which removes the picture. `PUT /v1/me/picture` sets another one.
    #[serde(default)]
    #[schemars(with = "()")]
    pub picture: Member<Never>,
}

impl ProfilePatch {
    /// Returns the change by `by`, a user or an administrator.
    ///
    /// # Errors
    /// All unacceptable fields.
    pub fn parse(self, schema: &AttributesSchema, by: Accessor) -> Result<ProfileChange, Vec<FieldProblem>> {
        let mut wrong = Vec::new();
        let change = ProfileChange {
            first_name: self.first_name.parse("/first_name", &mut wrong, Name::parse),
            last_name: self.last_name.parse("/last_name", &mut wrong, Name::parse),
            locale: self.locale.parse("/locale", &mut wrong, Locale::parse),
            attributes: match self.attributes {
                Member::Absent => Change::Keep,
                Member::Null if by == Accessor::User => Change::Set(schema.removal_by_user()),
                Member::Null => Change::Remove,
                Member::Value(values) => Change::Set(attributes(&values, schema, by, &mut wrong)),
            },
            removes_picture: self.picture.is_null(),
        };
        if wrong.is_empty() { Ok(change) } else { Err(wrong) }
    }
}

fn attributes(
    values: &BTreeMap<String, Value>,
    schema: &AttributesSchema,
    by: Accessor,
    wrong: &mut Vec<FieldProblem>,
) -> AttributeChanges {
    let mut changes = AttributeChanges::new();
    for (name, value) in values {
        match schema.change(name, value, by) {
            Ok(value) => drop(changes.insert(name.clone(), value)),
            // An undeclared name is text of the caller, which is not returned.
            Err(error @ InvalidAttribute::Undeclared) => wrong.push(problem("/attributes", error)),
            Err(error) => wrong.push(problem(&format!("/attributes/{name}"), error)),
        }
    }
    changes
}

fn problem(pointer: &str, error: InvalidAttribute) -> FieldProblem {
    FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), &error)
}
