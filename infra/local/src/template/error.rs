//! The one way in which reading a template fails.

use thiserror::Error;

/// A template that cannot run locally, in one sentence.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the template cannot be run: {0}")]
pub struct TemplateError(String);

impl TemplateError {
    pub(crate) const fn new(problem: String) -> Self {
        Self(problem)
    }

    pub(super) fn within(self, place: &str) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}
