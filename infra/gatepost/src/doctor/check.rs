//! The result of a single check.

use cloud::AwsCallError;
use serde_json::{Value, json};

/// A check: the subject, the expected and the found state, and the remedy.
#[derive(Debug)]
pub(crate) struct Check {
    name: String,
    expected: String,
    found: String,
    pub(crate) severity: Severity,
    remedy: Remedy,
}

/// The severity of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// The state is as expected.
    Ok,
    /// The system works, but an operator should look at it.
    Warning,
    /// A part of the system does not work, or an event can be lost.
    Error,
}

/// The action in one sentence, and the page with more information.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remedy(pub(crate) &'static str, pub(crate) &'static str);

const GRANT: Remedy =
    Remedy("grant the caller the permissions listed in the guide", "docs/operate/doctor.md#rights");

impl Check {
    /// Creates an error, unless the found state equals the expected one.
    pub(crate) fn equal(
        name: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
        remedy: Remedy,
    ) -> Self {
        let (expected, found) = (expected.into(), found.into());
        let severity = if expected == found { Severity::Ok } else { Severity::Error };
        Self { name: name.into(), expected, found, severity, remedy }
    }

    /// Creates an error or a success from the outcome.
    pub(crate) fn outcome(
        name: impl Into<String>,
        expected: impl Into<String>,
        found: Result<String, String>,
        remedy: Remedy,
    ) -> Self {
        let severity = if found.is_ok() { Severity::Ok } else { Severity::Error };
        let found = found.unwrap_or_else(|problem| problem);
        Self { name: name.into(), expected: expected.into(), found, severity, remedy }
    }

    /// Creates the result for a failed request to AWS: a warning if the caller lacks permission, otherwise an
    /// error.
    pub(crate) fn unanswered(
        name: impl Into<String>,
        expected: impl Into<String>,
        error: &AwsCallError,
        remedy: Remedy,
    ) -> Self {
        let is_denied = |code: &str| code.starts_with("AccessDenied") || code.starts_with("Unauthorized");
        let denied = matches!(error, AwsCallError::Refused(code) if is_denied(code));
        let (severity, remedy) = if denied { (Severity::Warning, GRANT) } else { (Severity::Error, remedy) };
        Self { name: name.into(), expected: expected.into(), found: error.to_string(), severity, remedy }
    }

    /// Lowers an error to a warning, if the system works nevertheless.
    pub(crate) fn at_most_a_warning(self) -> Self {
        Self { severity: self.severity.min(Severity::Warning), ..self }
    }

    /// Formats the result as text.
    pub(crate) fn text(&self) -> String {
        let Self { name, expected, found, remedy: Remedy(remedy, guide), .. } = self;
        match self.severity {
            Severity::Ok => format!("ok       {name}: {found}"),
            bad => {
                let bad = bad.name();
                format!("{bad:<8} {name}: expected {expected}, found {found}\n         -> {remedy}: {guide}")
            }
        }
    }

    /// Formats the result as JSON.
    pub(crate) fn json(&self) -> Value {
        let Self { name, expected, found, severity, remedy: Remedy(remedy, guide) } = self;
        let mut json =
            json!({"name": name, "severity": severity.name(), "expected": expected, "found": found});
        if *severity > Severity::Ok {
            json["remedy"] = (*remedy).into();
            json["guide"] = (*guide).into();
        }
        json
    }
}

impl Severity {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}
