//! One shared poller for each region: whoever asks gets what was seen a moment ago, and one call serves all that ask at
//! once. Fast while something changes, slow when all is at rest, backing off while the service is throttling.

use crate::cloud::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How old an answer may be while something is changing.
const FAST: Duration = Duration::from_secs(2);
/// How old it may be when nothing is.
const SLOW: Duration = Duration::from_secs(10);
/// How long at most nothing is asked while calls are throttled or fail.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Seen<T> {
    at: Instant,
    /// How long it holds.
    holds: Duration,
    value: std::result::Result<T, (ErrorKind, String, Vec<crate::diag::Hint>)>,
    failures: u32,
}

/// What one region answered last.
#[derive(Debug)]
pub(super) struct Poll<T>(Mutex<Option<Seen<Arc<T>>>>);

impl<T> Default for Poll<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

/// How long an answer holds.
fn holds(kind: Option<ErrorKind>, changing: bool, failures: u32) -> Duration {
    match kind {
        None if changing => FAST,
        None => SLOW,
        Some(_) => FAST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST),
    }
}

impl<T> Poll<T> {
    /// What is known, asked anew when it is too old.
    pub(super) async fn look(
        &self,
        ask: impl Future<Output = Result<T>>,
        is_changing: impl Fn(&T) -> bool,
    ) -> Result<Arc<T>> {
        let mut seen = self.0.lock().await;
        if seen.as_ref().is_none_or(|seen| seen.at.elapsed() >= seen.holds) {
            let value = ask.await.map(Arc::new).map_err(|error| (error.kind, error.message, error.hints));
            let failures = match &value {
                Ok(_) => 0,
                Err(_) => seen.as_ref().map_or(0, |before| before.failures).saturating_add(1),
            };
            let kind = value.as_ref().err().map(|(kind, ..)| *kind);
            let holds = holds(kind, value.as_ref().is_ok_and(|value| is_changing(value)), failures);
            *seen = Some(Seen { at: Instant::now(), holds, value, failures });
        }
        match seen.as_ref().map(|seen| &seen.value) {
            Some(Ok(value)) => Ok(Arc::clone(value)),
            Some(Err((kind, message, hints))) => {
                Err(Error { kind: *kind, message: message.clone(), hints: hints.clone(), source: None })
            }
            None => Err(Error::new(ErrorKind::Other, "nothing was asked")),
        }
    }

    /// What was seen last, however old it is.
    pub(super) async fn last(&self) -> Option<Arc<T>> {
        self.0.lock().await.as_ref().and_then(|seen| seen.value.as_ref().ok().map(Arc::clone))
    }

    /// The next look asks anew.
    pub(super) fn forget(&self) {
        // whoever holds it is asking just now
        if let Ok(mut seen) = self.0.try_lock()
            && let Some(seen) = seen.as_mut()
        {
            seen.holds = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn answers_hold_longer_when_nothing_changes_and_when_calls_fail() {
        let throttled = Some(ErrorKind::Throttled);
        let table = [
            (None, true, 0, 2),
            (None, false, 0, 10),
            (throttled, false, 1, 4),
            (throttled, false, 2, 8),
            (throttled, false, 5, 60),
            (throttled, false, 99, 60),
        ];
        for (kind, changing, failures, seconds) in table {
            assert_eq!(
                holds(kind, changing, failures),
                Duration::from_secs(seconds),
                "{kind:?} {changing} {failures}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_at_once_share_a_call() {
        let poll = Arc::new(Poll::<u32>::default());
        let calls = Arc::new(AtomicU32::new(0));
        let ask = |poll: Arc<Poll<u32>>, calls: Arc<AtomicU32>| async move {
            let asked = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                Ok(calls.fetch_add(1, Ordering::SeqCst))
            };
            *poll.look(asked, |_| false).await.unwrap()
        };
        let many = (0..5).map(|_| ask(Arc::clone(&poll), Arc::clone(&calls)));
        assert_eq!(futures::future::join_all(many).await, [0; 5]);
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert_eq!(ask(Arc::clone(&poll), Arc::clone(&calls)).await, 0);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(ask(Arc::clone(&poll), Arc::clone(&calls)).await, 1);
        poll.forget();
        assert_eq!(ask(Arc::clone(&poll), Arc::clone(&calls)).await, 2);
    }
}
