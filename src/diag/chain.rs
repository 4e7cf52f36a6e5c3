//! Hints, and printing a chain of causes.

use serde::{Deserialize, Serialize};
use std::error::Error;
use std::fmt;

/// One thing the reader can do, a sentence without a full stop, commands in backticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hint(pub String);

impl Hint {
    /// A hint with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error that knows what its reader can do.
pub trait Hinted: Error {
    /// What the reader can do, most useful first.
    fn hints(&self) -> Vec<Hint> {
        Vec::new()
    }
}

/// The error and its causes in one line, joined with `: `; a cause whose text the line already ends with is left out.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let text = next.to_string();
        if !line.ends_with(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        cause = next.source();
    }
    super::redact(&line)
}

/// The hints of an error, redacted like its text.
#[must_use]
pub fn hints(error: &dyn Hinted) -> Vec<Hint> {
    error.hints().into_iter().map(|hint| Hint(super::redact(&hint.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not launch")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no space left")]
    struct Inner;

    #[test]
    fn causes_are_joined_once() {
        assert_eq!(chain(&Outer(Inner)), "could not launch: no space left");
    }
}
