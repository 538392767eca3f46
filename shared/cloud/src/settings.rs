//! The settings of the deployment: environment variables on AWS, a map elsewhere.

use std::{borrow::Cow, collections::BTreeMap, str::FromStr, time::Duration};

use thiserror::Error;

/// The deployment's settings. `Debug` shows names only, because some values are credentials.
#[derive(Clone, Default)]
pub struct Settings(BTreeMap<String, String>);

/// A missing or unusable setting. The function does not start.
#[derive(Debug, Error)]
#[error("the setting {name} {problem}")]
pub struct SettingError {
    name: &'static str,
    problem: Cow<'static, str>,
}

impl Settings {
    pub(crate) fn of_environment() -> Self {
        // Variables that are not UTF-8 are not settings of Gatepost.
        let utf8 = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(utf8).collect())
    }

    /// Returns these settings with the `chosen` ones changed.
    #[must_use]
    pub fn but(mut self, chosen: impl IntoIterator<Item = (String, String)>) -> Self {
        self.0.extend(chosen);
        self
    }

    /// Returns the value of `name`, if it is set and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns the value of `name`.
    ///
    /// # Errors
    /// If it is not set or empty.
    pub fn text(&self, name: &'static str) -> Result<String, SettingError> {
        self.optional(name).map(str::to_owned).ok_or(SettingError::new(name, "is not set"))
    }

    /// Returns the parsed value of `name`.
    ///
    /// # Errors
    /// If it is not set or invalid.
    pub fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, SettingError> {
        self.text(name)?.parse().map_err(|_| SettingError::new(name, "has an invalid value"))
    }

    /// Returns the value of `name` in whole seconds.
    ///
    /// # Errors
    /// If it is not set or not a whole number.
    pub fn seconds(&self, name: &'static str) -> Result<Duration, SettingError> {
        self.parsed(name).map(Duration::from_secs)
    }
}

impl SettingError {
    /// Creates the error of a setting, e.g. with the problem "must be `ids` or `profile`".
    #[must_use]
    pub const fn new(name: &'static str, problem: &'static str) -> Self {
        Self { name, problem: Cow::Borrowed(problem) }
    }

    /// Creates the error of a setting whose target is unusable, with the problem.
    #[must_use]
    pub const fn of(name: &'static str, problem: String) -> Self {
        Self { name, problem: Cow::Owned(problem) }
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
