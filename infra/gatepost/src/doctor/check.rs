//! One thing that was looked at.

use cloud::NotAnswered;
use serde_json::{Value, json};

/// What was looked at, what should be, what is, and what to do about it.
#[derive(Debug)]
pub(crate) struct Check {
    name: String,
    expected: String,
    found: String,
    pub(crate) severity: Severity,
    remedy: Remedy,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// As it should be.
    Ok,
    /// It works; somebody should look.
    Warning,
    /// Something does not work, or the promise rests on luck.
    Error,
}

/// What to do, in one sentence, and the page that says more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remedy(pub(crate) &'static str, pub(crate) &'static str);

const GRANT: Remedy =
    Remedy("grant who asks the rights that the guide lists", "docs/operate/doctor.md#rights");

impl Check {
    /// An error, if what was found is not what was expected.
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

    /// An error, if this is one, and what was found either way.
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

    /// AWS does not say: an error, unless it only does not want to tell us.
    pub(crate) fn unanswered(
        name: impl Into<String>,
        expected: impl Into<String>,
        error: &NotAnswered,
        remedy: Remedy,
    ) -> Self {
        let is_denied = |code: &str| code.starts_with("AccessDenied") || code.starts_with("Unauthorized");
        let denied = matches!(error, NotAnswered::Refused(code) if is_denied(code));
        let (severity, remedy) = if denied { (Severity::Warning, GRANT) } else { (Severity::Error, remedy) };
        Self { name: name.into(), expected: expected.into(), found: error.to_string(), severity, remedy }
    }

    /// What is wrong with it, if anything, does not stop the work.
    pub(crate) fn at_most_a_warning(self) -> Self {
        Self { severity: self.severity.min(Severity::Warning), ..self }
    }

    /// For people.
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

    /// For programs.
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
