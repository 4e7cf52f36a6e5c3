//! What a walk over the remote machine interface found.

use serde::Serialize;

/// One point of the remote machine interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckItem {
    /// What the interface asks for, for example "`/hgdev` exists".
    pub what: String,
    /// Whether it is so.
    pub outcome: CheckOutcome,
    /// What was seen, control characters made visible.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Whether a point of the interface is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// It is.
    Ok,
    /// It is not, but only some things need it.
    Warning,
    /// It is not.
    Missing,
    /// It could not be asked, since something before it failed.
    Unknown,
}
