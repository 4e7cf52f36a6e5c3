//! What a job is told from outside, as one value that only ever moves one way.

use super::Failure;
use crate::domain::CancelLevel;
use tokio::sync::watch;

/// Everything that can end a body before its time.
#[derive(Debug, Clone, Default)]
pub(super) struct Signal {
    /// How firmly it was told to stop.
    pub(super) level: CancelLevel,
    /// Whether it was let go of. Ignored once it was told to stop.
    pub(super) detached: bool,
    /// Why its events can no longer be written down.
    pub(super) broken: Option<Failure>,
}

impl Signal {
    /// Whether it is let go of rather than ended.
    pub(super) fn detaches(&self) -> bool {
        self.detached && self.level == CancelLevel::None
    }

    /// Whether the body should end by itself.
    pub(super) fn stops(&self) -> bool {
        self.level > CancelLevel::None || self.detached || self.broken.is_some()
    }

    /// Whether the body is dropped at once.
    pub(super) fn drops(&self) -> bool {
        self.level == CancelLevel::Kill || self.detaches()
    }
}

/// Raises the level; true when it rose.
pub(super) fn raise(signal: &watch::Sender<Signal>, level: CancelLevel) -> bool {
    signal.send_if_modified(|signal| {
        let rises = level > signal.level;
        signal.level = signal.level.max(level);
        rises
    })
}

/// Waits until the signal is so.
pub(super) async fn until(signal: &watch::Sender<Signal>, so: impl FnMut(&Signal) -> bool) -> Signal {
    let mut receiver = signal.subscribe();
    let reached = receiver.wait_for(so).await.map(|signal| signal.clone());
    match reached {
        Ok(signal) => signal,
        // the sender is borrowed, so the channel is open
        Err(_) => std::future::pending().await,
    }
}
