//! What can be set about the engine.

use std::time::Duration;

/// Limits of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineOptions {
    /// How long each finaliser may take.
    pub finaliser_deadline: Duration,
    /// How long a body that was told to stop may go on before it is dropped.
    pub stop_grace: Duration,
    /// How many entries may wait for the sink; who emits more waits.
    pub queue: usize,
    /// At most one progress event in this time for each phase of a job, besides the last.
    pub progress_interval: Duration,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            finaliser_deadline: Duration::from_secs(60),
            stop_grace: Duration::from_secs(30),
            queue: 1024,
            progress_interval: Duration::from_millis(200),
        }
    }
}
