//! Attempts: how many of them are free, and how long the next one has to wait then.

use std::time::Duration;

use crate::Timestamp;

/// How often something may be tried at once, and how much ever rarer then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// So many attempts need not wait.
    pub free: u32,
    /// The one after them waits this long, and each further one twice as long as the one before,
    pub first_delay: Duration,
    /// but none longer than this.
    pub longest_delay: Duration,
    /// When nothing was tried for so long, all is forgotten.
    pub forgotten_after: Duration,
}

/// What was tried of late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// How often.
    pub count: u32,
    /// When for the last time.
    pub last_at: Timestamp,
}

impl RateLimit {
    /// For guessing what one person knows. With at most 15 free attempts, no more than 100 fit into a
    /// day (NIST SP 800-63B-4, section 3.2.2).
    #[must_use]
    pub const fn of_guesses(free: u32) -> Self {
        Self {
            free,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_mins(20),
            forgotten_after: Duration::from_hours(24),
        }
    }

    /// For a source, which many people may share: its delays stay short.
    #[must_use]
    pub const fn of_source(free: u32) -> Self {
        Self {
            free,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_mins(1),
            forgotten_after: Duration::from_mins(10),
        }
    }

    /// For mails to one address, which anybody can ask for.
    #[must_use]
    pub const fn of_mails(free: u32) -> Self {
        Self {
            free,
            first_delay: Duration::from_mins(1),
            longest_delay: Duration::from_hours(1),
            forgotten_after: Duration::from_hours(24),
        }
    }

    /// For pictures of one user, each of which takes a function a second.
    #[must_use]
    pub const fn of_pictures() -> Self {
        Self {
            free: 20,
            first_delay: Duration::from_mins(1),
            longest_delay: Duration::from_hours(1),
            forgotten_after: Duration::from_hours(24),
        }
    }

    /// Admits an attempt at `now`, after those that were `seen`. Returns what is to be remembered then.
    ///
    /// # Errors
    /// How long to wait. What is refused leaves no trace: else whoever keeps trying would lock others
    /// out for ever.
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

    /// How long after the attempt number `count` the next one is admitted.
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

    /// Somebody tries as soon as they may; returns when each attempt was admitted.
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
    fn the_free_ones_do_not_wait_and_each_further_one_waits_twice_as_long() {
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
    fn no_more_than_a_hundred_guesses_fit_into_a_day() {
        for free in 1..=15 {
            let guesses = persistent(&RateLimit::of_guesses(free), DAY).len();
            assert!((70..=100).contains(&guesses), "{guesses} with {free} free ones");
        }
    }

    #[test]
    fn what_was_tried_is_forgotten_after_a_day_without_an_attempt() {
        let seen = Some(Attempts { count: 50, last_at: START });
        let rate_limit = RateLimit::of_guesses(10);

        let late = rate_limit.admit(seen, START.plus(DAY).minus(Duration::from_millis(1)));
        assert_eq!(late.map(|attempts| attempts.count), Ok(51));
        let later = rate_limit.admit(seen, START.plus(DAY));
        assert_eq!(later.map(|attempts| attempts.count), Ok(1));
    }
}
