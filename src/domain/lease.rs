//! The lease: how long a machine may live with no client.

use super::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The moment at which a machine ends itself unless a client moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Lease(Timestamp);

impl Lease {
    /// No lease is shorter: a machine must have the time to be asked for more.
    pub const SHORTEST: Duration = Duration::from_secs(10);

    /// A lease that ends then.
    #[must_use]
    pub fn until(at: Timestamp) -> Self {
        Self(at)
    }

    /// A lease of `length` from `now`; a length beyond the calendar ends at its last moment.
    #[must_use]
    pub fn starting(now: Timestamp, length: Duration) -> Self {
        let span = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
        Self(now.checked_add(span).unwrap_or(Timestamp::MAX))
    }

    /// When it runs out.
    #[must_use]
    pub fn ends(self) -> Timestamp {
        self.0
    }

    /// Whether it has run out at `now`.
    #[must_use]
    pub fn is_over(self, now: Timestamp) -> bool {
        now >= self.0
    }

    /// What is left of it at `now`, zero when it has run out.
    #[must_use]
    pub fn left(self, now: Timestamp) -> Duration {
        Duration::try_from(self.0.duration_since(now)).unwrap_or(Duration::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_counts_down_to_zero_and_no_further() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let lease = Lease::starting(now, Duration::from_secs(90));
        assert_eq!(lease.left(now), Duration::from_secs(90));
        assert!(!lease.is_over(now));
        let later: Timestamp = "2026-01-01T00:02:00Z".parse().unwrap();
        assert!(lease.is_over(later));
        assert_eq!(lease.left(later), Duration::ZERO);
        assert_eq!(Lease::starting(now, Duration::MAX).ends(), Timestamp::MAX);
    }
}
