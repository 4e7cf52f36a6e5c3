//! Putting a limit on how long something may take.

use crate::diag::Hinted;
use std::future::Future;
use std::time::Duration;

/// Something took too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} took longer than {limit:?}")]
pub struct Late {
    /// What, for example "waiting for the machine".
    pub what: String,
    /// How long it could have taken.
    pub limit: Duration,
}

impl Hinted for Late {}

impl From<Late> for super::Failure {
    fn from(late: Late) -> Self {
        Self::from_error(&late)
    }
}

/// Does `work`, which is dropped when it takes longer than `limit`.
///
/// # Errors
/// [`Late`].
pub async fn within<T>(limit: Duration, what: impl Into<String>, work: impl Future<Output = T>) -> Result<T, Late> {
    tokio::time::timeout(limit, work).await.map_err(|_| Late { what: what.into(), limit })
}
