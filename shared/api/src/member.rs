//! A member of a merge patch: what is missing means something else than what is `null`.

use std::error::Error;

use domain::Change;
use serde::{Deserialize, Deserializer};

use crate::{FieldProblem, ProblemType};

/// A member of a merge patch.
#[derive(Default)]
pub enum Member<T> {
    /// It is missing: nothing changes.
    #[default]
    Absent,
    /// It is `null`: what is there is removed.
    Null,
    /// It is there.
    Value(T),
}

/// What no value can be: a member of this is `null` or missing.
#[derive(Deserialize)]
pub enum Never {}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    /// Asked for only if the member is there.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

impl Member<Never> {
    /// Whether what is there is removed.
    pub(crate) const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

impl Member<String> {
    /// What becomes of the field at `pointer`; what is wrong with it goes to `wrong`.
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
