//! The delays between attempts.

use std::time::Duration;

use cloud::Random;

const FIRST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_hours(1);

/// Returns the longest delay of the sweeper after failed `attempts`: `min(1 h, 30 s · 2^attempts)`.
#[must_use]
pub fn backoff(attempts: u32) -> Duration {
    doubled(FIRST, attempts, LONGEST)
}

/// Returns a random delay up to `bound`, so that events that failed together are not retried together.
#[must_use]
pub fn full_jitter(bound: Duration, random: &Random) -> Duration {
    let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
    let millis = u64::from_be_bytes(random.bytes()).checked_rem(bound).unwrap_or(0);
    Duration::from_millis(millis)
}

/// Returns `first` doubled `times` times, up to `longest`.
pub(crate) fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    let factor = 2_u32.checked_pow(times).unwrap_or(u32::MAX);
    first.saturating_mul(factor).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_from_half_a_minute_up_to_an_hour() {
        let waits = [0, 1, 2, 6, 7, 20, u32::MAX].map(|attempts| backoff(attempts).as_secs());
        assert_eq!(waits, [30, 60, 120, 1920, 3600, 3600, 3600]);
    }

    #[test]
    fn jitter_is_less_than_its_bound() {
        let most = Random::of(|bytes| bytes.fill(0xff));
        let least = Random::of(|bytes| bytes.fill(0));
        for bound in [1, 2, 30_000].map(Duration::from_millis) {
            assert!(full_jitter(bound, &most) < bound);
            assert_eq!(full_jitter(bound, &least), Duration::ZERO);
        }
        assert_eq!(full_jitter(Duration::ZERO, &most), Duration::ZERO);
    }
}
