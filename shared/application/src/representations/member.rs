//! Members of a merge patch, which distinguish missing from `null`.

use std::error::Error;

use api::{FieldProblem, ProblemType};
use domain::Change;
use serde::{Deserialize, Deserializer};

/// A member of a merge patch.
#[derive(Default)]
pub enum Member<T> {
    /// The member is missing: nothing changes.
    #[default]
    Absent,
    /// The member is `null`: the value is removed.
    Null,
    /// The new value.
    Value(T),
}

/// A type without values, so a member of it is `null` or missing.
#[derive(Deserialize)]
pub enum Never {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    /// Called only if the member is present.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl Member<Never> {
    /// Returns whether the value is removed.
    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Member<String> {
    /// Returns the change of the field at `pointer`. Adds problems to `wrong`.
    pub(crate) fn parse<T, E: Error>(
        self,
        pointer: &str,
        wrong: &mut Vec<FieldProblem>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Change<T> {
        match self {
            Self::Absent => Change::Keep,
            Self::Null => Change::Remove,
            Self::Value(text) => match parse(&text) {
                Ok(value) => Change::Set(value),
                Err(error) => {
                    wrong.push(FieldProblem::new(pointer, ProblemType::ValidationFailed.slug(), &error));
                    Change::Keep
                }
            },
        }
    }
}
