//! The weekly status report. It has numbers only, and no personal data.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::{Event, EventContext, EventKind, InvalidTimestamp, StatusName, Stream, Timestamp};

const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const WEEK_MILLIS: i64 = 7 * DAY_MILLIS;
/// The first Monday after the Unix epoch, which began on a Thursday.
const FIRST_MONDAY: i64 = 4 * DAY_MILLIS;

/// A week from Monday to Sunday in UTC, displayed as the date of its Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Week(Timestamp);

/// The last digest, with which the next one is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The week of the digest.
    pub week: Week,
    /// The time at which it was written.
    pub written_at: Timestamp,
    /// The user counts.
    pub users: UsersByStatus,
}

/// The number of users of each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UsersByStatus {
    /// Users who may log in.
    pub active: u64,
    /// Suspended users.
    pub suspended: u64,
    /// Users who await erasure.
    pub deleting: u64,
}

/// The change of the number of users of each status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct UserChange {
    /// Users who may log in.
    pub active: i64,
    /// Suspended users.
    pub suspended: i64,
    /// Users who await erasure.
    pub deleting: i64,
}

/// The status of the system at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Standing {
    /// The user counts: `active`, `suspended` and `deleting`.
    pub users: UsersByStatus,
    /// The time of the newest counted change, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_at: Option<Timestamp>,
    /// The number of events that have waited for more than 15 minutes; a lower bound above some thousands.
    pub waiting_events: u64,
    /// The number of dead events, which need an operator's decision.
    pub dead_events: u64,
    /// The names of the tasks whose last run failed.
    pub failed_tasks: Vec<String>,
    /// The names of the tasks that missed three runs.
    pub late_tasks: Vec<String>,
    /// The time when the newest signing key began to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_key_at: Option<Timestamp>,
}

impl Week {
    /// Returns the week of a time.
    #[must_use]
    pub const fn of(moment: Timestamp) -> Self {
        let since_monday = (moment.millis() - FIRST_MONDAY).rem_euclid(WEEK_MILLIS);
        Self(Timestamp::from_millis(moment.millis() - since_monday))
    }
}

impl FromStr for Week {
    type Err = InvalidTimestamp;
    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        let monday: Timestamp = format!("{text}T00:00:00Z").parse()?;
        if Self::of(monday).0 == monday { Ok(Self(monday)) } else { Err(InvalidTimestamp) }
    }
}

impl fmt::Display for Week {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = self.0.to_string();
        f.write_str(moment.split_once('T').map_or(&*moment, |(date, _)| date))
    }
}

impl Digest {
    /// Returns the digest to keep for the week of `context`, and the event with the status of the system and its
    /// changes since `before`.
    #[must_use]
    pub fn write(standing: Standing, before: Option<&Self>, context: EventContext) -> (Self, Event) {
        let (written_at, users) = (context.occurred_at, standing.users);
        let digest = Self { week: Week::of(written_at), written_at, users };
        let kind = EventKind::DigestWritten {
            standing,
            since: before.map(|before| before.written_at),
            change: before.map(|before| users.since(before.users)),
        };
        let event = Event { stream: Stream::Digest(digest.week), sequence: 1, context, kind };
        (digest, event)
    }
}

impl UsersByStatus {
    /// Collects the counts that `of` returns for each status.
    pub fn counted(of: impl Fn(StatusName) -> u64) -> Self {
        Self {
            active: of(StatusName::Active),
            suspended: of(StatusName::Suspended),
            deleting: of(StatusName::Deleting),
        }
    }

    fn since(self, before: Self) -> UserChange {
        let change = |now: u64, before: u64| now.cast_signed().saturating_sub_unsigned(before);
        UserChange {
            active: change(self.active, before.active),
            suspended: change(self.suspended, before.suspended),
            deleting: change(self.deleting, before.deleting),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_week_begins_on_monday_at_midnight() {
        let week = |text: &str| Week::of(text.parse().expect("a moment")).to_string();
        assert_eq!(week("2026-11-22T23:59:59.999Z"), "2026-11-16");
        assert_eq!(week("2026-11-23T00:00:00Z"), "2026-11-23");
        assert_eq!(week("2026-11-29T12:00:00Z"), "2026-11-23");
        assert_eq!(week("1970-01-01T00:00:00Z"), "1969-12-29");
    }

    #[test]
    fn a_week_is_parsed_as_displayed() {
        let week = Week::of(Timestamp::from_millis(1_795_230_000_000));
        assert_eq!(week.to_string().parse(), Ok(week));
        for text in ["", "2026-11-24", "2026-11", "weekly"] {
            assert_eq!(text.parse::<Week>(), Err(InvalidTimestamp), "{text}");
        }
    }

    #[test]
    fn fewer_users_are_a_negative_change() {
        let users = |active, deleting| UsersByStatus { active, suspended: 3, deleting };
        let change = users(10, 2).since(users(12, 1));
        assert_eq!(change, UserChange { active: -2, suspended: 0, deleting: 1 });
    }
}
