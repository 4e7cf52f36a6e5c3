//! How long to wait before the next try. Pure: the caller brings the randomness and does the waiting.

use std::time::Duration;

/// Exponential backoff with full jitter in the upper half: try `n` waits between one half and the whole of
/// `first * 2^n`, never more than `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    cap: Duration,
}

impl Backoff {
    /// Starts at `first`, doubles with every try, stops growing at `cap`.
    #[must_use]
    pub const fn new(first: Duration, cap: Duration) -> Self {
        Self { first, cap }
    }

    /// The wait before try `attempt` (0 is the first repetition). `random` is a number from 0 to 1; what lies outside
    /// counts as the nearer end.
    #[must_use]
    pub fn delay(&self, attempt: u32, random: f64) -> Duration {
        let factor = 1_u32.checked_shl(attempt.min(31)).unwrap_or(u32::MAX);
        let whole = self.first.checked_mul(factor).map_or(self.cap, |grown| grown.min(self.cap));
        let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
        whole.mul_f64(0.5 + random / 2.0)
    }
}

impl Default for Backoff {
    /// From 200 ms to 10 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(200), Duration::from_secs(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_cap_and_stays_within_its_jitter() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
        for (attempt, random, millis) in [
            (0, 0.0, 50),
            (0, 1.0, 100),
            (1, 0.5, 150),
            (3, 1.0, 800),
            (5, 1.0, 3200),
            (6, 1.0, 5000),
            (6, 0.0, 2500),
            (31, 1.0, 5000),
            (32, 1.0, 5000),
            (u32::MAX, 1.0, 5000),
            (0, -3.0, 50),
            (0, 9.0, 100),
            (0, f64::NAN, 100),
        ] {
            assert_eq!(backoff.delay(attempt, random), Duration::from_millis(millis), "{attempt} {random}");
        }
    }

    #[test]
    fn a_first_wait_above_the_cap_is_the_cap() {
        let backoff = Backoff::new(Duration::from_secs(9), Duration::from_secs(2));
        assert_eq!(backoff.delay(0, 1.0), Duration::from_secs(2));
    }
}
