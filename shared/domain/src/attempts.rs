//! Limits of attempts: how many are free, and how long the next one has to wait.

use std::time::Duration;

use crate::Timestamp;

/// A number of attempts without a delay, and the rising delays of further ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The number of attempts without a delay.
    pub free: u32,
    /// The delay of the first attempt after them. Each further delay is twice as long,
    pub first_delay: Duration,
    /// up to this one.
    pub longest_delay: Duration,
    /// The time without attempts after which the limit is reset.
    pub forgotten_after: Duration,
}

/// The recent attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// Their number.
    pub count: u32,
    /// The time of the last one.
    pub last_at: Timestamp,
}

impl RateLimit {
    /// Returns the limit of guesses at a user's secret. With at most 15 free attempts, a day has at most 100
    /// (NIST SP 800-63B-4, section 3.2.2).
    #[must_use]
    pub const fn of_guesses(free: u32) -> Self {
        Self {
            free,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_mins(20),
            forgotten_after: Duration::from_hours(24),
        }
    }

    /// Returns the limit of a source. Its delays stay short, because many users may share it.
    #[must_use]
    pub const fn of_source(free: u32) -> Self {
        Self {
            free,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_mins(1),
            forgotten_after: Duration::from_mins(10),
        }
    }

    /// Returns the limit of mails to one address, which anonymous callers can request.
    #[must_use]
    pub const fn of_mails(free: u32) -> Self {
        Self {
            free,
            first_delay: Duration::from_mins(1),
            longest_delay: Duration::from_hours(1),
            forgotten_after: Duration::from_hours(24),
        }
    }

    /// Returns the limit of pictures of a user, each of which takes a second of computation.
    #[must_use]
    pub const fn of_pictures() -> Self {
        Self {
            free: 20,
            first_delay: Duration::from_mins(1),
            longest_delay: Duration::from_hours(1),
            forgotten_after: Duration::from_hours(24),
        }
    }

    /// Counts an attempt at `now` after the `seen` ones. Returns the attempts to store.
    ///
    /// # Errors
    /// The remaining wait. A refused attempt is not counted: otherwise an attacker could lock out other users
    /// forever.
    pub fn admit(&self, seen: Option<Attempts>, now: Timestamp) -> Result<Attempts, Duration> {
        let idle = |attempts: &Attempts| now.since(attempts.last_at);
        let remembered = seen.filter(|attempts| idle(attempts) < self.forgotten_after);
        let Some(before) = remembered else { return Ok(Attempts { count: 1, last_at: now }) };
        let wait = self.delay_after(before.count).saturating_sub(idle(&before));
        if wait.is_zero() {
            Ok(Attempts { count: before.count.saturating_add(1), last_at: now })
        } else {
            Err(wait)
        }
    }

    /// Returns the delay after attempt number `count`.
    fn delay_after(&self, count: u32) -> Duration {
        let Some(doubled) = count.checked_sub(self.free) else { return Duration::ZERO };
        let factor = 2_u32.checked_pow(doubled).unwrap_or(u32::MAX);
        self.first_delay.saturating_mul(factor).min(self.longest_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_795_230_000_000);
    const DAY: Duration = Duration::from_hours(24);

    /// Tries again as soon as possible. Returns when each attempt was admitted.
    fn persistent(rate_limit: &RateLimit, time: Duration) -> Vec<Duration> {
        let (mut now, mut seen, mut admitted) = (START, None, Vec::new());
        while now.since(START) < time {
            match rate_limit.admit(seen, now) {
                Ok(attempts) => {
                    seen = Some(attempts);
                    admitted.push(now.since(START));
                }
                Err(wait) => now = now.plus(wait),
            }
        }
        admitted
    }

    #[test]
    fn free_attempts_do_not_wait_and_each_further_one_waits_twice_as_long() {
        let admitted = persistent(&RateLimit::of_guesses(3), Duration::from_secs(20));

        assert_eq!(admitted.iter().map(Duration::as_secs).collect::<Vec<_>>(), [0, 0, 0, 1, 3, 7, 15]);
    }

    #[test]
    fn no_delay_is_longer_than_the_longest() {
        let admitted = persistent(&RateLimit::of_guesses(10), DAY);

        let longest = admitted.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).max();
        assert_eq!(longest, Some(Duration::from_mins(20)));
        let far = Attempts { count: u32::MAX, last_at: START };
        assert_eq!(RateLimit::of_guesses(10).admit(Some(far), START), Err(Duration::from_mins(20)));
    }

    #[test]
    fn a_day_has_at_most_a_hundred_guesses() {
        for free in 1..=15 {
            let guesses = persistent(&RateLimit::of_guesses(free), DAY).len();
            assert!((70..=100).contains(&guesses), "{guesses} with {free} free ones");
        }
    }

    #[test]
    fn attempts_are_forgotten_after_a_day_without_one() {
        let seen = Some(Attempts { count: 50, last_at: START });
        let rate_limit = RateLimit::of_guesses(10);

        let late = rate_limit.admit(seen, START.plus(DAY).minus(Duration::from_millis(1)));
        assert_eq!(late.map(|attempts| attempts.count), Ok(51));
        let later = rate_limit.admit(seen, START.plus(DAY));
        assert_eq!(later.map(|attempts| attempts.count), Ok(1));
    }
}
