//! Trying again: when, decided purely; and a helper that does it. Whoever may be told to stop meanwhile wraps it in
//! `JobContext::until_stopped`.

use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// Exponential backoff with full jitter.
///
/// The pause before try n + 1 is drawn evenly from nothing up to `first` doubled n - 1 times, at most `cap` (the
/// "full jitter" of AWS's architecture blog: least calls and least time of those compared there).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The longest first pause.
    pub first: Duration,
    /// The longest pause of all.
    pub cap: Duration,
    /// No pause ends later than this after the first try began.
    pub max_elapsed: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(500),
            cap: Duration::from_secs(20),
            max_elapsed: Duration::from_secs(300),
        }
    }
}

impl Schedule {
    /// The longest pause after the `failed`-th failed try, counted from 1.
    #[must_use]
    pub fn ceiling(&self, failed: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(failed.saturating_sub(1));
        self.first.saturating_mul(doubled).min(self.cap)
    }

    /// The pause after the `failed`-th failed try, `elapsed` after the first began; none when it is time to give up.
    /// `random` is drawn evenly from 0 to 1.
    #[must_use]
    pub fn pause(&self, failed: u32, elapsed: Duration, random: f64) -> Option<Duration> {
        let pause = self.ceiling(failed).mul_f64(random.clamp(0.0, 1.0));
        (elapsed.saturating_add(pause) <= self.max_elapsed).then_some(pause)
    }
}

/// Does `operation` until it succeeds, fails for good, or the schedule gives up; then its last error is given back.
/// `operation` gets the number of the try, from 1.
///
/// # Errors
/// The last error of `operation`.
pub async fn retry<T, E, F: Future<Output = Result<T, E>>>(
    schedule: &Schedule,
    is_transient: impl Fn(&E) -> bool,
    mut operation: impl FnMut(u32) -> F,
) -> Result<T, E> {
    let start = Instant::now();
    let mut tries = 1;
    loop {
        let error = match operation(tries).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if !is_transient(&error) {
            return Err(error);
        }
        let Some(pause) = schedule.pause(tries, start.elapsed(), rand::random()) else { return Err(error) };
        tokio::time::sleep(pause).await;
        tries = tries.saturating_add(1);
    }
}
