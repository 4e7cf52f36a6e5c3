//! What was looked at point by point, and found: of a machine, of this computer, of an account.

use serde::Serialize;

/// One point, of the remote machine interface or of what `hga doctor` looks at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckItem {
    /// What is asked for, for example "`/hgdev` exists".
    pub what: String,
    /// Whether it is so.
    pub outcome: CheckOutcome,
    /// What was seen, control characters made visible.
    pub seen: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl CheckItem {
    /// A point without a hint.
    pub fn new(what: impl Into<String>, outcome: CheckOutcome, seen: impl Into<String>) -> Self {
        Self { what: what.into(), outcome, seen: seen.into(), hint: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Whether a point is met.
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
