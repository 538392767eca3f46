//! Timestamps.

use std::{fmt, str::FromStr, time::Duration};

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// Milliseconds since the Unix epoch in UTC, displayed as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// The text is not a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("must be a time such as 2026-11-21T03:00:00Z (RFC 3339)")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// Creates the timestamp `millis` after the Unix epoch.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Returns the whole seconds since the Unix epoch, as in JWTs and the tables' `ttl`.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Adds a duration. Saturates at the end of time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }

    /// Subtracts a duration. Saturates at the beginning of time.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(millis))
    }

    /// Returns the time since `earlier`; zero if that is in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| InvalidTimestamp)?;
        let millis = i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000));
        millis.map(Self).map_err(|_| InvalidTimestamp)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Times after the year 9999 have no form in RFC 3339, and are displayed as numbers.
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_displayed_as_rfc_3339_in_utc() {
        let moment = Timestamp::from_millis(1_763_694_000_250);
        assert_eq!(moment.to_string(), "2025-11-21T03:00:00.25Z");
    }

    #[test]
    fn a_timestamp_is_parsed_as_displayed() {
        let moment = Timestamp::from_millis(1_763_694_000_250);
        assert_eq!(moment.to_string().parse(), Ok(moment));
        assert_eq!("2025-11-21T04:00:00.25+01:00".parse(), Ok(moment));
        for text in ["", "2025-11-21", "2025-11-21T03:00:00", "1763694000"] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn the_time_since_a_future_timestamp_is_zero() {
        let now = Timestamp::from_millis(10);
        assert_eq!(now.since(Timestamp::from_millis(20)), Duration::ZERO);
    }
}
